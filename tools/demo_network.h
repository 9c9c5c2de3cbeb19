/* demo_network.h: what lies between the two peers of the demo: a process that forwards their datagrams, carries their
 * signals, and has a relay. It can cut the path, and close the direct one.
 *
 * All on loopback: alice has 127.0.0.1, bob .2, this .3 and the relay .4. Behind each address that a peer or the relay sends
 * from there is a socket here that stands for it toward the others; candidates are rewritten to those on their way. */
#ifndef CLI_DEMO_NETWORK_H
#define CLI_DEMO_NETWORK_H

#include <holdfast/base.h>

/* Who is where; the number is the address's last byte, too. */
typedef enum cli_demo_place { PLACE_ALICE = 1, PLACE_BOB, PLACE_NETWORK, PLACE_RELAY } cli_demo_place;

#define CLI_DEMO_LINK_RATE 1000000 /* bytes a second of each uplink: 8 Mbit/s */
#define CLI_DEMO_LINK_DELAY HF_MS(10)
#define CLI_DEMO_LINK_QUEUE 65536

#define CLI_DEMO_RELAY_USER "demo"

/* What alice asks of it, as lines {"type":"network","do":…}. */
#define CLI_DEMO_CUT "cut"     /* nothing passes, by no way; signals do */
#define CLI_DEMO_MEND "mend"   /* everything passes again */
#define CLI_DEMO_CLOSE "close" /* only what goes by the relay passes */

/* Runs until both wires are at their end, and returns the exit status. The first line on each tells where the relay is:
 * {"type":"relay","uri":…,"password":…}. */
int cli_demo_network_run(const hf_env *env, const int wires[2]);

/* The address of a place, with port 0. */
hf_addr cli_demo_address(cli_demo_place place);

#endif
