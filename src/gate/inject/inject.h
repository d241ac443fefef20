/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.h - the injector's own state, shared by the files of its program and nobody else.
 *
 *	brig-injector.c    the process: set-up, configuration, parcels
 *	inject-serve.c     an exchange socket of the gate
 *	inject-transfer.c  a request and its response, by libcurl
 *	inject-upgrade.c   a request that becomes a WebSocket
 *	inject-dial.c      a connection through the upstream proxy
 *	inject-multi.c     libcurl on the event loop
 *	inject-place.c     secrets into a request; inject-mask.c: out of its response
 */
#ifndef BRIG_GATE_INJECT_H
#define BRIG_GATE_INJECT_H

#include "gate/inject/inject-secrets.h"
#include "gate/policy/address.h"

#include <openssl/types.h>

struct inject_audit;
struct inject_dial;
struct inject_multi;
struct inject_proxy;
struct inject_serve;
struct inject_where;
struct loop;
struct loop_source;

#define INJECT_EXCHANGES_MAX 4096U
#define INJECT_DIALS_MAX     256U

struct injector {
	struct loop *loop;
	struct inject_multi *multi;
	struct inject_proxy *proxy; /* replaced whole */
	struct inject_where *where;
	struct inject_audit *audit;
	struct inject_secrets_feed secrets;
	X509_STORE *trust;
	int keeper, vault, gate; /* parcels; vault -1: there is none */
	bool ready;              /* secrets have come, or won't: requests may go */
	struct inject_serve *serves;
	struct inject_serve *todo; /* those that have to settle */
	size_t serves_n;
	struct inject_dial *dials;
	size_t dials_n;
	struct loop_source *gate_src;
};

#endif
