/* holdfast.h: all of Holdfast's public headers. */
#ifndef HOLDFAST_HOLDFAST_H
#define HOLDFAST_HOLDFAST_H

#include <holdfast/base.h>
#include <holdfast/certificate.h>
#include <holdfast/channel.h>
#include <holdfast/datachannel.h>
#include <holdfast/drop.h>
#include <holdfast/engine.h>
#include <holdfast/error.h>
#include <holdfast/ice.h>
#include <holdfast/io.h>
#include <holdfast/loop.h>
#include <holdfast/manager.h>
#include <holdfast/mdns.h>
#include <holdfast/peer.h>
#include <holdfast/probe.h>
#include <holdfast/session.h>
#include <holdfast/stats.h>
#include <holdfast/trace.h>

#define HF_VERSION "0.1.0"

#endif
