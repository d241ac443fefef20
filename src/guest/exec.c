/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/exec.h"

#include "base/err.h"
#include "guest/proto.h"

#include <string.h>

/*
 * Header: u32 flags, u16 rows, u16 columns, u32 umask, u32 argc, u32 envc, u32 limits.
 * Each limit: u32 resource, u64 soft, u64 hard.
 */
#define HEADER      24U
#define LIMIT       20U
#define STRINGS_MAX 65536U
#define FLAGS_KNOWN (GUEST_EXEC_TTY | GUEST_EXEC_STDIN | GUEST_EXEC_BUILTIN)

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int add_strings(struct buf *out, char *const *v)
{
	int r = 0;

	for (; r == 0 && v && *v; v++)
		r = buf_add(out, *v, strlen(*v) + 1);
	return r;
}

static int encode(const struct guest_exec *x, struct buf *out)
{
	const char *user = x->user ? x->user : "", *cwd = x->cwd ? x->cwd : "";
	uint8_t head[HEADER + LIMIT * GUEST_RLIMITS_MAX], *at = head + HEADER;
	int r;

	wire_put32(head, x->flags);
	wire_put16(head + 4, x->rows);
	wire_put16(head + 6, x->cols);
	wire_put32(head + 8, x->mask);
	wire_put32(head + 12, (uint32_t)count(x->argv));
	wire_put32(head + 16, (uint32_t)count(x->env));
	wire_put32(head + 20, x->n_rlimits);
	for (uint32_t i = 0; i < x->n_rlimits; i++, at += LIMIT) {
		wire_put32(at, x->rlimits[i].resource);
		wire_put64(at + 4, x->rlimits[i].soft);
		wire_put64(at + 12, x->rlimits[i].hard);
	}
	r = buf_add(out, head, (size_t)(at - head));
	if (r == 0)
		r = buf_add(out, user, strlen(user) + 1);
	if (r == 0)
		r = buf_add(out, cwd, strlen(cwd) + 1);
	if (r == 0)
		r = add_strings(out, x->argv);
	if (r == 0)
		r = add_strings(out, x->env);
	return r;
}

int guest_exec_encode(const struct guest_exec *x, struct buf *out, struct err *e)
{
	int r;

	if (x->n_rlimits > GUEST_RLIMITS_MAX || (x->flags & ~FLAGS_KNOWN) ||
		x->mask > 0777)
		return err_set(e, EINVAL, "run a command: bad limits, flags or umask");
	if (!count(x->argv))
		return err_set(e, EINVAL, "run a command: no command given");
	r = encode(x, out);
	if (r < 0)
		return err_set(e, -r, "run '%s': out of memory", x->argv[0]);
	if (out->len > GUEST_EXEC_MAX || count(x->argv) + count(x->env) > STRINGS_MAX) {
		(void)err_set(e, E2BIG,
			"run '%s': arguments and environment are too long", x->argv[0]);
		err_hint(e, "they may take %zu MiB together", GUEST_EXEC_MAX >> 20);
		return -E2BIG;
	}
	return 0;
}

int guest_exec_send(struct wire *w, uint16_t channel, const struct buf *encoded)
{
	size_t at = 0;
	int r = 0;

	do {
		size_t left = encoded->len - at;
		struct wire_frame f = {
			.channel = channel,
			.type = GUEST_EXEC,
			.flags = left > WIRE_PAYLOAD_MAX ? GUEST_MORE : 0,
			.len = (uint32_t)(left > WIRE_PAYLOAD_MAX ? WIRE_PAYLOAD_MAX
								  : left),
			.data = encoded->data + at,
		};

		r = wire_send(w, &f);
		at += f.len;
	} while (r == 0 && at < encoded->len);
	return r;
}

struct cursor {
	const char *at, *end;
};

/* The next string, NULL when what is left holds no NUL. */
static const char *next_string(struct cursor *c)
{
	const char *s = c->at;
	const char *nul = memchr(s, '\0', (size_t)(c->end - c->at));

	if (!nul)
		return NULL;
	c->at = nul + 1;
	return s;
}

static int take_strings(struct cursor *c, const char **into, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		into[i] = next_string(c);
		if (!into[i])
			return -EPROTO;
	}
	into[n] = NULL;
	return 0;
}

static int take_limits(const uint8_t *at, size_t len, struct guest_exec *x)
{
	if (x->n_rlimits > GUEST_RLIMITS_MAX || len < (size_t)x->n_rlimits * LIMIT)
		return -EPROTO;
	for (uint32_t i = 0; i < x->n_rlimits; i++, at += LIMIT)
		x->rlimits[i] = (struct guest_rlimit){
			.resource = wire_get32(at),
			.soft = wire_get64(at + 4),
			.hard = wire_get64(at + 12),
		};
	return 0;
}

int guest_exec_decode(const void *data, size_t len, struct guest_exec *ret)
{
	const uint8_t *p = data;
	struct guest_exec x = { 0 };
	uint32_t argc, envc;
	struct cursor c;
	const char **v;

	if (len < HEADER || len > GUEST_EXEC_MAX)
		return -EPROTO;
	x.flags = wire_get32(p);
	x.rows = wire_get16(p + 4);
	x.cols = wire_get16(p + 6);
	x.mask = wire_get32(p + 8);
	argc = wire_get32(p + 12);
	envc = wire_get32(p + 16);
	x.n_rlimits = wire_get32(p + 20);
	if ((x.flags & ~FLAGS_KNOWN) || x.mask > 0777 || argc == 0 ||
		argc > STRINGS_MAX || envc > STRINGS_MAX - argc ||
		take_limits(p + HEADER, len - HEADER, &x) < 0)
		return -EPROTO;
	c.at = (const char *)p + HEADER + x.n_rlimits * LIMIT;
	c.end = (const char *)p + len;
	x.user = next_string(&c);
	x.cwd = x.user ? next_string(&c) : NULL;
	if (!x.cwd)
		return -EPROTO;
	v = malloc((argc + envc + 2) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (take_strings(&c, v, argc) < 0 || take_strings(&c, v + argc + 1, envc) < 0 ||
		c.at != c.end) {
		free(v);
		return -EPROTO;
	}
	x.memory = v;
	x.argv = (char *const *)(uintptr_t)v;
	x.env = (char *const *)(uintptr_t)(v + argc + 1);
	*ret = x;
	return 0;
}

void guest_exec_clear(struct guest_exec *x)
{
	free(x->memory);
	*x = (struct guest_exec){ 0 };
}
