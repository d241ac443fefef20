/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. What the host spends is the control group's figure, which sees all, or
 * the wall's, which looks at its process; only without both it is the sum of what the warder
 * sees in /proc. Of a sandbox with a kernel of its own the warder is asked as well, and the
 * wall, for what there is inside and how much of it is taken. One whose warder is silent, for
 * it was captured or has no time, is told of without.
 *
 * A monitor has its guest count anew when it is asked; so it is asked before the warder, and
 * once more when that has answered.
 */
#include "sandbox/keeper-stats.h"

#include "base/clock.h"
#include "base/loop.h"
#include "sandbox/keeper-relay.h"
#include "sandbox/keeper-serve.h"

#define SILENT_NS (2 * NS_PER_SEC)

static struct wall_stats ask_wall(struct keeper *k)
{
	struct wall_stats w = { 0 };

	/* one that is frozen can't answer */
	if (k->wall->stats && !(k->paused && k->has_cgroup))
		(void)k->wall->stats(&k->run, &w, NULL);
	return w;
}

static void from_host(struct keeper *k, const struct wall_stats *w,
	const struct guest_stats *g, struct control_reply *r)
{
	struct cgroup_stats s = { 0 };

	if (k->has_cgroup && cgroup_stats(&k->cgroup, &s, NULL) == 0) {
		r->memory = s.memory;
		r->memory_peak = s.memory_peak;
		r->cpu_ns = s.cpu_ns;
		r->pids = s.pids;
		r->oom_kills = s.oom_kills;
	} else if (w->memory) {
		r->memory = w->memory;
		r->cpu_ns = w->cpu_ns;
	} else if (g) {
		r->memory = g->rss_bytes;
		r->cpu_ns = g->cpu_us * 1000;
		r->pids = g->threads;
	}
}

/* 'g': NULL when the warder wasn't asked or says nothing. */
static void reply(struct client *c, const struct guest_stats *g)
{
	struct keeper *k = c->k;
	const struct limit_spec *l = &k->sandbox.rec.limits;
	struct wall_stats w = ask_wall(k);
	struct control_reply r = { .ok = true,
		.memory_limit = l->memory,
		.guest_memory = w.guest_memory,
		.guest_free = w.guest_free,
		.guest_available = w.guest_available,
		.guest_cached = w.guest_cached,
		.guest_returned = w.guest_returned,
		.net_in = w.net_in,
		.net_out = w.net_out };

	from_host(k, &w, g, &r);
	if (!k->wall->host_kernel) {
		/* its own kernel keeps to the limit; what the host sees are threads of it */
		r.pids_limit = l->pids;
		r.pids = g ? g->threads : r.pids;
		r.guest_cpu_ns = g ? g->cpu_us * 1000 : 0;
		r.guest_processes = g ? g->processes : 0;
	} else if (k->has_cgroup) {
		r.pids_limit = l->pids;
	}
	serve_answer(c, &r);
}

static void reply_all(struct keeper *k, const struct guest_stats *g)
{
	if (k->silent)
		loop_timer_disarm(k->silent);
	for (struct client *c = k->clients; c; c = c->next)
		if (c->verb == CONTROL_STATS && !c->closing)
			reply(c, g);
}

static void too_silent(struct loop_source *src, void *data)
{
	(void)src;
	reply_all(data, NULL);
}

int stats_from_guest(struct keeper *k, const struct wire_frame *f)
{
	struct guest_stats g;
	int r = guest_stats_decode(f, &g);

	if (r == 0)
		reply_all(k, &g);
	return r;
}

int stats_ask(struct client *c, struct err *e)
{
	struct keeper *k = c->k;
	struct wire_frame ask = { .type = GUEST_GET_STATS };
	int r = 0;

	if (k->paused || (k->wall->host_kernel && k->has_cgroup)) {
		reply(c, NULL);
		return 0;
	}
	if (!k->silent)
		r = loop_add_timer(k->loop, too_silent, k, &k->silent, e);
	if (r < 0)
		return r;
	(void)ask_wall(k);
	if (wire_send(&k->guest, &ask) < 0) {
		reply(c, NULL);
		return 0;
	}
	loop_timer_arm(k->silent, SILENT_NS);
	relay_flush(k);
	return 0;
}
