/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"

#include "base/err.h"
#include "base/json.h"
#include "cli/out.h"
#include "sandbox/audit.h"
#include "sandbox/sandbox.h"

#include <string.h>
#include <sys/mman.h>

struct tally *tally_new(struct err *e)
{
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t != MAP_FAILED)
		return t;
	(void)err_set(e, ENOMEM, "out of memory");
	return NULL;
}

static void add(struct json *j, const char *key, uint64_t n)
{
	if (n)
		(void)json_add(j, key, json_new_uint(n));
}

void tally_note(struct tally *t, const struct sandbox *s, const char *type, int r)
{
	static const struct tally none;
	struct json *j = json_new_object();
	struct err e = { 0 };

	add(j, "changed", t->changed);
	add(j, "removed", t->removed);
	add(j, "left", t->left);
	add(j, "released", t->released);
	add(j, "dropped", t->dropped);
	add(j, "overlays", t->overlays);
	if (r < 0)
		(void)json_add(j, "failed", json_new_bool(true));
	/* nothing was there to be done */
	if (memcmp(t, &none, sizeof(none)) == 0) {
		json_free(j);
		(void)munmap(t, sizeof(*t));
		return;
	}
	(void)munmap(t, sizeof(*t));
	if (audit_note(s->dir, s->rec.id, type, j, &e) < 0)
		out_note("%s", e.msg);
}
