/* network.h: a network of the test's own. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>

/* Enters a network namespace with nothing in it but a loopback interface that is down; skips the test where that is not
 * permitted. */
void network_enter(void);
void network_set_up(const char *interface, bool up);

/* Gives the loopback interface one more address; "lo:1" is the first of them. */
void network_set_address(const char *label, const char *address);

/* Makes or takes away an IPv4 default route over an interface. */
void network_set_route(const char *interface, unsigned metric, bool there);

#endif
