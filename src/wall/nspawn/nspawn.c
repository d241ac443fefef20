/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nspawn.c - every namespace the kernel has, with the capabilities systemd-nspawn keeps.
 *
 * The whole of the kernel's system calls stays open, so root inside can mount, trace and
 * make namespaces of its own, over what is the sandbox's only.
 */
#include "wall/nspawn/nspawn.h"

#include "linux/caps.h"
#include "wall/ns.h"
#include "wall/wall.h"

static const struct ns_profile profile = {
	.caps = &CAPS_NSPAWN,
};

static int probe(struct err *e)
{
	return ns_probe(&profile, e);
}

static int start(const struct wall_spec *spec, struct wall_run *ret, struct err *e)
{
	return ns_start(&profile, spec, ret, e);
}

const struct wall wall_nspawn = {
	.name = "nspawn",
	.strength = 20,
	.brief = "mount, PID, network, IPC, UTS, user and cgroup namespaces, fewer "
		 "capabilities",
	.passes = "a bug anywhere in the kernel's system calls",
	.own_pids = true,
	.own_net = true,
	.host_kernel = true,
	.probe = probe,
	.start = start,
	.stop = ns_stop,
};
