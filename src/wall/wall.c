/* SPDX-License-Identifier: Apache-2.0 */
#include "wall/wall.h"

#include "base/err.h"
#include "base/str.h"
#include "wall/chroot/chroot.h"
#include "wall/container/container.h"
#include "wall/microvm/microvm.h"
#include "wall/nspawn/nspawn.h"
#include "wall/sentry/sentry.h"

const struct wall *const walls[] = { &wall_chroot, &wall_nspawn, &wall_container,
	&wall_sentry, &wall_microvm, NULL };

/* The next weaker wall than 'below' (NULL: the strongest). */
static const struct wall *next_weaker(const struct wall *below)
{
	const struct wall *best = NULL;

	for (size_t i = 0; walls[i]; i++)
		if ((!below || walls[i]->strength < below->strength) &&
			(!best || walls[i]->strength > best->strength))
			best = walls[i];
	return best;
}

static int strongest(const struct wall **ret, struct err *e)
{
	for (const struct wall *w = next_weaker(NULL); w; w = next_weaker(w))
		if (!w->not_auto && w->probe(e) == 0) {
			*ret = w;
			return 0;
		}
	(void)err_wrap(e, "no wall works on this machine");
	err_hint(e, "brig doctor says what each one lacks");
	return -ENOSYS;
}

int wall_find(const char *name, const struct wall **ret, struct err *e)
{
	const char *names[16];
	auto_free char *shown = NULL;
	const char *near;
	size_t n = 0;

	if (strcmp(name, "auto") == 0)
		return strongest(ret, e);
	for (size_t i = 0; walls[i]; i++) {
		if (strcmp(walls[i]->name, name) == 0) {
			*ret = walls[i];
			return 0;
		}
		names[n++] = walls[i]->name;
	}
	near = str_nearest(name, names, n);
	shown = str_escape(name);
	(void)err_set(e, EINVAL, "unknown wall '%s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e,
			"the walls are auto, chroot, nspawn, container, sentry and "
			"microvm");
	return -EINVAL;
}

void wall_run_clear(struct wall_run *run)
{
	if (run->pidfd >= 0)
		(void)close(run->pidfd);
	if (run->stream >= 0)
		(void)close(run->stream);
	if (run->remote >= 0)
		(void)close(run->remote);
	if (run->memory >= 0)
		(void)close(run->memory);
	if (run->console >= 0)
		(void)close(run->console);
	if (run->userns >= 0)
		(void)close(run->userns);
	for (size_t i = 0; i < GATENS_FDS; i++)
		if (run->gate[i] >= 0)
			(void)close(run->gate[i]);
	*run = (struct wall_run)WALL_RUN_INIT;
}
