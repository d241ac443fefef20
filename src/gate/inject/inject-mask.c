/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/inject/inject-mask.h"

#include <openssl/crypto.h>
#include <string.h>

/*
 * Theory of operation. Each pattern is an automaton of Knuth, Morris and Pratt whose state
 * says how many of the last bytes agree with its beginning. The largest state is the number
 * of bytes to hold back. When a pattern is complete all its bytes are still held, and are
 * overwritten there. The automata see the bytes as they came, so patterns may overlap.
 * Per byte each automaton takes two steps on average at most, whatever the bytes are.
 */
struct pattern {
	char *text;
	uint32_t *fail; /* [k]: the longest proper border of the first k bytes */
	size_t len, at;
};

struct inject_mask {
	struct pattern v[INJECT_MASK_PATTERNS];
	size_t n;
	bool first[256]; /* bytes that some pattern begins with */
	struct buf held;
};

struct inject_mask *inject_mask_new(void)
{
	return calloc(1, sizeof(struct inject_mask));
}

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_clear(b);
}

void inject_mask_free(struct inject_mask *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		OPENSSL_cleanse(m->v[i].text, m->v[i].len);
		free(m->v[i].text);
		free(m->v[i].fail);
	}
	wipe(&m->held);
	free(m);
}

static size_t step(const struct pattern *p, size_t at, char c)
{
	if (at == p->len)
		at = p->fail[at];
	while (at && p->text[at] != c)
		at = p->fail[at];
	return at + (p->text[at] == c);
}

int inject_mask_add(struct inject_mask *m, const char *text, size_t len)
{
	struct pattern p = { .len = len };

	if (len < INJECT_MASK_MIN)
		return 0;
	if (m->n == INJECT_MASK_PATTERNS || len > INJECT_MASK_LEN_MAX)
		return -E2BIG;
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].len == len && memcmp(m->v[i].text, text, len) == 0)
			return 0;
	p.text = malloc(len);
	p.fail = calloc(len + 1, sizeof(*p.fail));
	if (!p.text || !p.fail) {
		free(p.text);
		free(p.fail);
		return -ENOMEM;
	}
	memcpy(p.text, text, len);
	for (size_t i = 1, at = 0; i < len; i++) {
		at = step(&p, at, text[i]);
		p.fail[i + 1] = (uint32_t)at;
	}
	m->v[m->n++] = p;
	m->first[(unsigned char)text[0]] = true;
	return 0;
}

bool inject_mask_active(const struct inject_mask *m)
{
	return m && m->n;
}

/* Every automaton over the bytes from 'from' on; returns the largest state. */
static size_t run(struct inject_mask *m, char *data, size_t from, size_t len)
{
	size_t most = 0;

	for (size_t k = 0; k < m->n; k++)
		most = m->v[k].at > most ? m->v[k].at : most;
	for (size_t i = from; i < len; i++) {
		char c = data[i];

		if (!most && !m->first[(unsigned char)c])
			continue;
		most = 0;
		for (size_t k = 0; k < m->n; k++) {
			struct pattern *p = &m->v[k];

			p->at = step(p, p->at, c);
			if (p->at == p->len)
				memset(data + i + 1 - p->len, '*', p->len);
			/* what is complete is masked: only its border may go on */
			size_t open = p->at == p->len ? p->fail[p->at] : p->at;

			most = open > most ? open : most;
		}
	}
	return most;
}

static void restart(struct inject_mask *m)
{
	for (size_t k = 0; k < m->n; k++)
		m->v[k].at = 0;
}

int inject_mask_feed(struct inject_mask *m, const void *data, size_t len, struct buf *out)
{
	size_t from = m->held.len, keep;
	int r = buf_add(&m->held, data, len);

	if (r < 0)
		return r;
	keep = run(m, m->held.data, from, m->held.len);
	r = buf_add(out, m->held.data, m->held.len - keep);
	if (r < 0)
		return r;
	buf_drop(&m->held, m->held.len - keep);
	return 0;
}

size_t inject_mask_held(const struct inject_mask *m)
{
	return m->held.len;
}

int inject_mask_end(struct inject_mask *m, struct buf *out)
{
	int r = buf_add(out, m->held.data, m->held.len);

	restart(m);
	wipe(&m->held);
	return r;
}

void inject_mask_text(struct inject_mask *m, char *text)
{
	if (!m || !m->n)
		return;
	restart(m);
	(void)run(m, text, 0, strlen(text));
	restart(m);
}
