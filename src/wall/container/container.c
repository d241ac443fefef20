/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - what a container engine's default profile is made of.
 *
 * The namespaces of nspawn, and on top: the default capabilities and system-call allow
 * list of the OCI engines, no_new_privs, masked and read-only paths, Landlock where the
 * kernel has it. The warder itself lives under all of it, so there is no moment at which
 * a command doesn't.
 */
#include "wall/container/container.h"

#include "linux/caps.h"
#include "linux/seccomp-filter.h"
#include "wall/ns.h"
#include "wall/wall.h"

static const struct ns_profile profile = {
	.caps = &CAPS_OCI_DEFAULT,
	.seccomp = &SECCOMP_OCI_DEFAULT,
	.no_new_privs = true,
	.masked = true,
	.landlock = true,
};

static int probe(struct err *e)
{
	return ns_probe(&profile, e);
}

static int start(const struct wall_spec *spec, struct wall_run *ret, struct err *e)
{
	return ns_start(&profile, spec, ret, e);
}

const struct wall wall_container = {
	.name = "container",
	.strength = 30,
	.brief = "nspawn, and a system-call filter, masked paths, limits, Landlock",
	.passes = "a bug in what the system-call filter lets through",
	.own_pids = true,
	.own_net = true,
	.host_kernel = true,
	.keeps_user = true,
	.probe = probe,
	.start = start,
	.stop = ns_stop,
};
