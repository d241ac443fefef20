/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chroot.c - a restricted root directory, and nothing more.
 *
 * Theory of operation. The root is put together in a mount namespace of its own, so that
 * the host's mount table stays clean, and entered with chroot(2). The old root stays
 * where it was, above: whoever is root in there walks out with the classic mkdir, chroot,
 * "..". The host's processes, network and System V IPC are the sandbox's too. This is on
 * purpose: it is the measure the other walls are held against. Run by root, root inside
 * is the host's.
 */
#include "wall/chroot/chroot.h"

#include "wall/ns.h"
#include "wall/wall.h"

static const struct ns_profile profile = {
	.host_ids_for_root = true,
	.host_view = true,
};

static int probe(struct err *e)
{
	return ns_probe(&profile, e);
}

static int start(const struct wall_spec *spec, struct wall_run *ret, struct err *e)
{
	return ns_start(&profile, spec, ret, e);
}

const struct wall wall_chroot = {
	.name = "chroot",
	.strength = 10,
	.brief = "a restricted root directory and nothing more",
	.passes = "root breaks out; sees and signals the host's processes; uses the "
		  "host's network",
	.host_kernel = true,
	.probe = probe,
	.start = start,
	.stop = ns_stop_softly,
};
