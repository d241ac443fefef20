/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject-upgrade.h - a request that turns its connection into something else: a WebSocket.
 *
 * libcurl makes the connection (CURLOPT_CONNECT_ONLY: proxy, TLS, the certificate); the
 * request and the 101 (RFC 6455 section 4, HTTP/1.1 always) are written and read here, then
 * bytes go both ways. An extended CONNECT (RFC 8441) of the sandbox is asked for upstream
 * as a GET, and answered with 200.
 */
#ifndef BRIG_GATE_INJECT_UPGRADE_H
#define BRIG_GATE_INJECT_UPGRADE_H

struct err;
struct inject_serve;

int inject_upgrade_start(struct inject_serve *x, struct err *e);

#endif
