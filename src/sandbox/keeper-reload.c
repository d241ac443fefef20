/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper-reload.c - rules and secrets that have changed on disk, loaded anew on request.
 */
#include "sandbox/keeper-reload.h"
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-serve.h"

#include "base/err.h"

static struct client *next_reload(struct keeper *k)
{
	/* the list has the last to come first */
	struct client *first = NULL;

	for (struct client *c = k->clients; c; c = c->next)
		if (c->reload == RELOAD_QUEUED && !c->closing)
			first = c;
	return first;
}

static void reload_reply(struct client *c, int result, const char *why)
{
	struct err e = { 0 };

	c->reload = RELOAD_NONE;
	if (result == 0) {
		serve_answer(c, &(struct control_reply){ .ok = true });
		return;
	}
	(void)err_set(&e, -result, "%s", why && *why ? why : err_text(-result));
	serve_error(c, &e);
}

static void reload_next(struct keeper *k)
{
	struct client *first = k->reloading ? NULL : next_reload(k);
	struct err e = { 0 };
	int r;

	if (!first)
		return;
	for (struct client *c = k->clients; c; c = c->next)
		if (c->reload == RELOAD_QUEUED && str_eq(c->what, first->what))
			c->reload = RELOAD_ASKED;
	k->reloading = true;
	r = net_reload(k, first->what, &e);
	if (r != 1)
		serve_reload_done(k, r, e.msg);
}

void serve_reload_done(struct keeper *k, int result, const char *why)
{
	const char *what = NULL;

	if (!k->reloading)
		return;
	for (struct client *c = k->clients; c; c = c->next) {
		if (c->reload != RELOAD_ASKED)
			continue;
		what = c->what;
		reload_reply(c, result, why);
	}
	if (result == 0 && what)
		keeper_audit_reload(k, what);
	k->reloading = false;
	reload_next(k);
}

/*
 * One at a time: who asks while another is under way waits for one of its own, as the
 * first may have read the rules before they changed again.
 */
int reload_ask(struct client *c, const struct control_request *q, struct err *e)
{
	if (!str_eq(q->what, "policy") && !str_eq(q->what, "secrets"))
		return err_set(e, EINVAL, "nothing of that name can be loaded anew");
	c->what = strdup(q->what);
	if (!c->what)
		return err_set(e, ENOMEM, "out of memory");
	c->reload = RELOAD_QUEUED;
	reload_next(c->k);
	return 0;
}
