/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-net.h - the network of a sandbox in the making: preset, rules, secrets, ports.
 */
#ifndef BRIG_CLI_MAKE_NET_H
#define BRIG_CLI_MAKE_NET_H

#include "base/str.h"

struct agent;
struct err;
struct record;
struct sandbox;

/* What was asked for. */
struct make_net {
	const char *preset; /* NULL: the default */
	const struct strv *allow, *deny, *secrets, *publish;
};

/* Settle rec->net by the wall and the words, and check rules and ports; nothing is written. */
int make_net_choose(struct record *rec, const struct make_net *want, struct err *e);

/* Does it have a gate: a network that is policed? */
bool make_net_gated(const struct record *rec);

/* Secrets: those asked for, and those that stand for what the agent's recipe hands on. */
int make_net_grants(struct record *rec, const struct make_net *want,
	const struct agent *a, struct err *e);

/* Where programs look for certificates, and the sentinels of the secrets. */
int make_net_env(struct record *rec, struct err *e);

/* Write the rules of a sandbox that was just made. */
int make_net_rules(const struct sandbox *s, const struct make_net *want,
	const struct agent *a, struct err *e);

#endif
