/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/seccomp-bpf.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 4096

/* a range of call numbers up to the next segment, with one action or with rules */
struct segment {
	uint32_t first;
	uint32_t action;              /* without rules, or when none fits */
	const struct bpf_rule *rules; /* NULL: constant */
	unsigned rules_n;
};

static bool emit(struct bpf_code *c, struct sock_filter f)
{
	if (c->n >= BPF_INSNS_MAX)
		return false;
	c->insn[c->n++] = f;
	return true;
}

static bool stmt(struct bpf_code *c, uint16_t code, uint32_t k)
{
	return emit(c, (struct sock_filter)BPF_STMT(code, k));
}

static bool jump(struct bpf_code *c, uint16_t code, uint32_t k, unsigned jt, unsigned jf)
{
	return jt <= 255 && jf <= 255 &&
		emit(c, (struct sock_filter)BPF_JUMP(code, k, (uint8_t)jt, (uint8_t)jf));
}

static uint32_t arg_word(unsigned arg, bool high)
{
	bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	return (uint32_t)(offsetof(struct seccomp_data, args) + arg * 8 +
		(high == little) * 4);
}

static unsigned cond_len(const struct bpf_cond *q)
{
	if (q->op == BPF_COND_NONE)
		return 0;
	if (q->op == BPF_COND_ZERO64)
		return 4;
	return q->mask == UINT32_MAX ? 2 : 3;
}

/* Go on when the condition holds, else over 'rest' instructions. */
static bool emit_cond(struct bpf_code *c, const struct bpf_cond *q, unsigned rest)
{
	const uint16_t load = BPF_LD | BPF_W | BPF_ABS, eq = BPF_JMP | BPF_JEQ | BPF_K;

	if (q->op == BPF_COND_NONE)
		return true;
	if (q->op == BPF_COND_ZERO64)
		return stmt(c, load, arg_word(q->arg, true)) &&
			jump(c, eq, 0, 0, rest + 2) &&
			stmt(c, load, arg_word(q->arg, false)) && jump(c, eq, 0, 0, rest);
	if (!stmt(c, load, arg_word(q->arg, false)))
		return false;
	if (q->mask != UINT32_MAX && !stmt(c, BPF_ALU | BPF_AND | BPF_K, q->mask))
		return false;
	return q->op == BPF_COND_EQ ? jump(c, eq, q->value, 0, rest)
				    : jump(c, eq, q->value, rest, 0);
}

static bool emit_rule(struct bpf_code *c, const struct bpf_rule *r)
{
	unsigned rest = 1; /* the return */

	for (unsigned i = 0; i < BPF_CONDS_MAX; i++)
		rest += cond_len(&r->cond[i]);
	for (unsigned i = 0; i < BPF_CONDS_MAX; i++) {
		rest -= cond_len(&r->cond[i]);
		if (!emit_cond(c, &r->cond[i], rest))
			return false;
	}
	return stmt(c, BPF_RET | BPF_K, r->action);
}

static bool emit_leaf(struct bpf_code *c, const struct segment *s)
{
	for (unsigned i = 0; i < s->rules_n; i++)
		if (!emit_rule(c, &s->rules[i]))
			return false;
	/* a last rule without conditions has returned already */
	if (s->rules_n && s->rules[s->rules_n - 1].cond[0].op == BPF_COND_NONE)
		return true;
	return stmt(c, BPF_RET | BPF_K, s->action);
}

static bool append(struct bpf_code *to, const struct bpf_code *from)
{
	if (to->n + from->n > BPF_INSNS_MAX)
		return false;
	memcpy(to->insn + to->n, from->insn, from->n * sizeof(from->insn[0]));
	to->n += from->n;
	return true;
}

/* Binary search: numbers below the middle segment go to the code behind, the others over
 * it. */
static bool emit_tree(struct bpf_code *c, const struct segment *s, unsigned n)
{
	const uint16_t ge = BPF_JMP | BPF_JGE | BPF_K;
	struct bpf_code *low;
	unsigned mid = n / 2;
	bool ok;

	if (n == 1)
		return emit_leaf(c, s);
	low = calloc(1, sizeof(*low));
	ok = low && emit_tree(low, s, mid);
	/* a conditional jump reaches 255 instructions far, an unconditional one
	 * everywhere */
	if (ok && low->n <= 255)
		ok = jump(c, ge, s[mid].first, low->n, 0);
	else if (ok)
		ok = jump(c, ge, s[mid].first, 0, 1) && stmt(c, BPF_JMP | BPF_JA, low->n);
	ok = ok && append(c, low);
	free(low);
	return ok && emit_tree(c, s + mid, n - mid);
}

/* Add a segment, or lengthen the last one when it does the same. */
static void segment_add(struct segment *s, unsigned *n, struct segment add)
{
	if (*n && s[*n - 1].first == add.first)
		(*n)--; /* the last one turned out empty */
	if (*n && !s[*n - 1].rules && !add.rules && s[*n - 1].action == add.action)
		return;
	if (*n < SEGMENTS_MAX)
		s[(*n)++] = add;
}

static bool is_bare(const struct bpf_rule *r)
{
	return r->cond[0].op == BPF_COND_NONE;
}

static int rule_order(const void *a, const void *b)
{
	const struct bpf_rule *x = a, *y = b;

	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	if (!is_bare(x) != !is_bare(y))
		return is_bare(x) ? 1 : -1;
	if (is_bare(x) && x->action != y->action)
		return x->action == SECCOMP_RET_ALLOW ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Do all rules of one call, the last one bare, come to the same? */
static bool is_constant(const struct bpf_rule *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (r[i].action != r[n - 1].action)
			return false;
	return is_bare(&r[n - 1]);
}

static uint32_t default_of(const struct bpf_arch *a, uint32_t nr)
{
	uint32_t action = a->defaults[0].action;

	for (unsigned i = 0; i < a->defaults_n && a->defaults[i].first <= nr; i++)
		action = a->defaults[i].action;
	return action;
}

/* Defaults that begin between two numbers. */
static void add_defaults(const struct bpf_arch *a, uint64_t from, uint64_t to,
	struct segment *s, unsigned *n)
{
	if (from < to)
		segment_add(s, n,
			(struct segment){
				(uint32_t)from, default_of(a, (uint32_t)from), NULL, 0 });
	for (unsigned i = 0; i < a->defaults_n; i++)
		if (a->defaults[i].first > from && a->defaults[i].first < to)
			segment_add(s, n,
				(struct segment){ a->defaults[i].first,
					a->defaults[i].action, NULL, 0 });
}

static unsigned make_segments(const struct bpf_arch *a, struct segment *s)
{
	uint64_t next = 0;
	unsigned n = 0;

	qsort(a->rules, a->rules_n, sizeof(a->rules[0]), rule_order);
	for (unsigned i = 0; i < a->rules_n;) {
		const struct bpf_rule *r = &a->rules[i];
		struct segment add = { r->nr, default_of(a, r->nr), r, 1 };

		/* nothing gets past a bare rule: what follows it is left out */
		for (i++; i < a->rules_n && a->rules[i].nr == r->nr; i++)
			if (!is_bare(&a->rules[i - 1]))
				add.rules_n++;
		if (is_constant(r, add.rules_n))
			add = (struct segment){ r->nr, r->action, NULL, 0 };
		add_defaults(a, next, r->nr, s, &n);
		segment_add(s, &n, add);
		next = (uint64_t)r->nr + 1;
	}
	add_defaults(a, next, (uint64_t)UINT32_MAX + 1, s, &n);
	return n;
}

int bpf_compile(const struct bpf_arch *arch, unsigned n, struct bpf_code *ret)
{
	const uint16_t load = BPF_LD | BPF_W | BPF_ABS, eq = BPF_JMP | BPF_JEQ | BPF_K;
	struct segment *s = calloc(SEGMENTS_MAX, sizeof(*s));
	struct bpf_code *body = calloc(1, sizeof(*body));
	bool ok = s && body;

	ret->n = 0;
	ok = ok && stmt(ret, load, offsetof(struct seccomp_data, arch));
	for (unsigned i = 0; ok && i < n; i++) {
		body->n = 0;
		ok = stmt(body, load, offsetof(struct seccomp_data, nr)) &&
			emit_tree(body, s, make_segments(&arch[i], s)) &&
			jump(ret, eq, arch[i].audit, 1, 0) &&
			stmt(ret, BPF_JMP | BPF_JA, body->n) && append(ret, body);
	}
	ok = ok && stmt(ret, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	free(body);
	free(s);
	return ok ? 0 : -1;
}
