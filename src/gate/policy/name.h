/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - host names, in the one form in which they are compared.
 *
 * Lower case, without the final dot, LDH labels and '_' (RFC 1123 section 2.1, RFC 2782),
 * at most 253 bytes. Names beyond ASCII must come as A-labels (RFC 5890). A name whose last
 * label is a number is an address or a trick, and no name (WHATWG URL, "ends in a number").
 */
#ifndef BRIG_GATE_NAME_H
#define BRIG_GATE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_LEN 253
#define NAME_HOST    "host.brig.internal" /* the host's loopback, by an explicit rule only */
#define NAME_GATE    "gate.brig.internal" /* the gate's own address */

/* Normalise 'len' bytes. 0, or -EINVAL for what is no host name. */
int name_normalise(const char *text, size_t len, char out[NAME_MAX_LEN + 1]);

/* A pattern: "api.example.com"; "*.example.com": one label more; "**.example.com": one or
 * more. */
int name_pattern_normalise(const char *text, size_t len, char out[NAME_MAX_LEN + 4]);

/* Both normalised. */
bool name_matches(const char *pattern, const char *name);

/* Does it mean a place on this host or its network ("db", "printer.local"), wherever it is
 * asked for? Normalised. */
bool name_is_local(const char *name);

#endif
