/* network.c: a network of the test's own. */
#include "network.h"

#include "sockaddr.h"

#include <criterion/criterion.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int control; /* a socket for ioctl */

void network_enter(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        cr_skip_test("no network namespace may be made here");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(control, 0);
}

void network_set_up(const char *name, bool up)
{
    struct ifreq request = {0};

    strcpy(request.ifr_name, name);
    cr_assert_eq(ioctl(control, SIOCGIFFLAGS, &request), 0);
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &request), 0);
}

void network_set_address(const char *name, const char *address)
{
    struct ifreq request = {0};
    hf_sockaddr to;
    hf_addr addr;

    cr_assert(hf_addr_parse(address, strlen(address), &addr));
    hf_sockaddr_of(&addr, &to);
    strcpy(request.ifr_name, name);
    memcpy(&request.ifr_addr, &to.any, sizeof request.ifr_addr);
    cr_assert_eq(ioctl(control, SIOCSIFADDR, &request), 0);
}

void network_set_route(const char *name, unsigned metric, bool there)
{
    char device[IFNAMSIZ];
    struct rtentry request = {.rt_flags = RTF_UP, .rt_metric = (short)(metric + 1), .rt_dev = device};

    strcpy(device, name);
    request.rt_dst.sa_family = AF_INET;
    request.rt_genmask.sa_family = AF_INET;
    cr_assert_eq(ioctl(control, there ? SIOCADDRT : SIOCDELRT, &request), 0);
}
