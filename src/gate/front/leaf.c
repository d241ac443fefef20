/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/front/leaf.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "gate/gate.h"
#include "gate/roles.h"

#include <openssl/x509.h>
#include <string.h>

/*
 * Theory of operation. An entry is either asked for (people wait) or there (it stands in
 * the list of use, and the one that was used longest ago makes room). Entries are found by
 * a hash of the name. What the vault's mailbox has no room for is tried again by the same
 * timer that gives up on answers that don't come.
 */
#define BUCKETS  1024U
#define RETRY_NS (5 * NS_PER_MS)
#define TICK_NS  (250 * NS_PER_MS)

struct leaf_wait {
	struct leaf_wait *next, *prev;
	struct leaf *leaf;
	leaf_cb *cb;
	void *data;
};

struct leaf {
	struct leaf *hash_next;
	struct leaf *next, *prev; /* in 'asked' or 'used' of the cache */
	char name[NAME_MAX_LEN + 1];
	X509 *cert; /* NULL: asked for */
	bool sent;
	uint64_t since; /* when it was asked for */
	struct leaf_wait *waits;
};

struct leaf_list {
	struct leaf *first, *last;
	size_t n;
};

struct leaf_cache {
	struct gate *g;
	EVP_PKEY *key;
	X509 *ca;
	struct loop_source *timer;
	struct leaf *buckets[BUCKETS];
	struct leaf_list asked, used; /* oldest first */
};

static void list_add(struct leaf_list *l, struct leaf *f)
{
	f->next = NULL;
	f->prev = l->last;
	if (l->last)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	l->n++;
}

static void list_remove(struct leaf_list *l, struct leaf *f)
{
	if (f->prev)
		f->prev->next = f->next;
	else
		l->first = f->next;
	if (f->next)
		f->next->prev = f->prev;
	else
		l->last = f->prev;
	l->n--;
}

static struct leaf **bucket(struct leaf_cache *c, const char *name)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return &c->buckets[h % BUCKETS];
}

static struct leaf *lookup(struct leaf_cache *c, const char *name)
{
	struct leaf *f = *bucket(c, name);

	while (f && strcmp(f->name, name) != 0)
		f = f->hash_next;
	return f;
}

static void forget(struct leaf_cache *c, struct leaf *f)
{
	struct leaf **at = bucket(c, f->name);

	while (*at != f)
		at = &(*at)->hash_next;
	*at = f->hash_next;
	list_remove(f->cert ? &c->used : &c->asked, f);
	X509_free(f->cert);
	free(f);
}

static void unlink_wait(struct leaf_wait *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		w->leaf->waits = w->next;
	if (w->next)
		w->next->prev = w->prev;
}

void leaf_cancel(struct leaf_wait *w)
{
	if (!w)
		return;
	unlink_wait(w);
	free(w);
}

/* One that is called may cancel another: take them off one by one. */
static void tell(struct leaf *f, const char *reason)
{
	struct leaf_wait *w;

	while ((w = f->waits)) {
		leaf_cb *cb = w->cb;
		void *data = w->data;

		leaf_cancel(w);
		cb(f->cert, reason, data);
	}
}

/* No longer asked for, so nobody can join; then tell, then forget. */
static void give_up(struct leaf_cache *c, struct leaf *f, const char *reason)
{
	struct leaf gone = { .waits = f->waits };

	for (struct leaf_wait *w = gone.waits; w; w = w->next)
		w->leaf = &gone;
	forget(c, f);
	tell(&gone, reason);
}

static int send_ask(struct leaf_cache *c, struct leaf *f)
{
	auto_buf struct buf b = { 0 };
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(c->key, &spki);
	int r = len < 0 ? -EIO : buf_add(&b, f->name, strlen(f->name) + 1);

	if (r == 0)
		r = buf_add(&b, spki, (size_t)len);
	OPENSSL_free(spki);
	if (r == 0)
		r = c->g->vault < 0 ? -EPIPE
				    : parcel_send(c->g->vault, VAULT_SIGN, b.data, b.len);
	f->sent = r == 0;
	return r == -EAGAIN || r == -ENOBUFS ? 0 : r;
}

static void on_timer(struct loop_source *src, void *data)
{
	struct leaf_cache *c = data;
	uint64_t now = clock_mono_ns();
	uint64_t again = TICK_NS;
	struct leaf *f;

	while ((f = c->asked.first) && now - f->since > LEAF_TIMEOUT_S * NS_PER_SEC)
		give_up(c, f, "the vault did not sign a certificate in time");
	for (f = c->asked.first; f;) {
		struct leaf *next = f->next;

		if (!f->sent && send_ask(c, f) < 0) {
			give_up(c, f, "the vault is not there");
			/* those who were told may have changed the list */
			next = c->asked.first;
		} else if (!f->sent) {
			again = RETRY_NS;
			break; /* the mailbox is full */
		}
		f = next;
	}
	if (c->asked.n)
		loop_timer_arm(src, again);
}

int leaf_cache_new(struct gate *g, EVP_PKEY *key, struct leaf_cache **ret, struct err *e)
{
	struct leaf_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, ENOMEM, "certificates: out of memory");
	c->g = g;
	c->key = key;
	r = loop_add_timer(g->loop, on_timer, c, &c->timer, e);
	if (r < 0)
		free(c);
	else
		*ret = c;
	return r;
}

void leaf_cache_free(struct leaf_cache *c)
{
	if (!c)
		return;
	while (c->asked.first)
		give_up(c, c->asked.first, "the gate is being stopped");
	while (c->used.first)
		forget(c, c->used.first);
	X509_free(c->ca);
	loop_source_free(c->timer);
	free(c);
}

size_t leaf_cache_count(const struct leaf_cache *c)
{
	return c->used.n;
}

X509 *leaf_ca(const struct leaf_cache *c)
{
	return c->ca;
}

static bool is_fresh(const X509 *cert)
{
	time_t then = time(NULL) + LEAF_RENEW_S;

	return X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
}

X509 *leaf_find(struct leaf_cache *c, const char *name)
{
	struct leaf *f = lookup(c, name);

	if (!f || !f->cert)
		return NULL;
	if (!is_fresh(f->cert)) {
		forget(c, f);
		return NULL;
	}
	list_remove(&c->used, f);
	list_add(&c->used, f);
	return f->cert;
}

static struct leaf *ask(struct leaf_cache *c, const char *name)
{
	struct leaf *f, **at;

	if (c->asked.n >= LEAF_ASKED_MAX || strlen(name) > NAME_MAX_LEN)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	memcpy(f->name, name, strlen(name) + 1);
	f->since = clock_mono_ns();
	at = bucket(c, name);
	f->hash_next = *at;
	*at = f;
	list_add(&c->asked, f);
	(void)send_ask(c, f); /* the timer tries again, and says what is wrong */
	loop_timer_arm(c->timer, f->sent ? TICK_NS : RETRY_NS);
	return f;
}

int leaf_ask(struct leaf_cache *c, const char *name, leaf_cb *cb, void *data,
	struct leaf_wait **ret)
{
	struct leaf_wait *w = calloc(1, sizeof(*w));
	struct leaf *f = lookup(c, name);

	if (f && f->cert) { /* too old, or leaf_find() wasn't asked */
		forget(c, f);
		f = NULL;
	}
	if (w && !f)
		f = ask(c, name);
	if (!w || !f) {
		free(w);
		return -EBUSY;
	}
	*w = (struct leaf_wait){ .leaf = f, .cb = cb, .data = data, .next = f->waits };
	if (w->next)
		w->next->prev = w;
	f->waits = w;
	*ret = w;
	return 0;
}

static X509 *parse(const char *der, size_t len)
{
	const unsigned char *at = (const unsigned char *)der;
	X509 *cert = d2i_X509(NULL, &at, (long)len);

	if (cert && at != (const unsigned char *)der + len) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int take_ca(struct leaf_cache *c, const char *der, size_t len)
{
	X509 *cert = parse(der, len);

	if (!cert)
		return -EPROTO;
	X509_free(c->ca);
	c->ca = cert;
	return 0;
}

static int take_leaf(struct leaf_cache *c, struct leaf *f, const char *der, size_t len)
{
	X509 *cert = parse(der, len);

	if (!cert || EVP_PKEY_eq(X509_get0_pubkey(cert), c->key) != 1) {
		X509_free(cert);
		give_up(c, f, "the vault sent a certificate that does not fit");
		return -EPROTO;
	}
	list_remove(&c->asked, f);
	f->cert = cert;
	list_add(&c->used, f);
	tell(f, NULL);
	while (c->used.n > LEAF_CACHE_MAX)
		forget(c, c->used.first);
	return 0;
}

int leaf_parcel(struct leaf_cache *c, const struct parcel *p)
{
	const char *name = p->data;
	size_t n = strnlen(name, p->len);
	const char *rest = name + n + 1;
	struct leaf *f;

	if (n == p->len || n > NAME_MAX_LEN || p->fds_n)
		return -EPROTO;
	if (p->type == VAULT_SIGNED && n == 0)
		return take_ca(c, rest, p->len - 1);
	f = lookup(c, name);
	if (!f || f->cert)
		return 0; /* it came too late */
	if (p->type == VAULT_SIGNED)
		return take_leaf(c, f, rest, p->len - n - 1);
	if (p->type != VAULT_NOT_SIGNED)
		return -EPROTO;
	/* within the parcel's room, which is ended by a NUL */
	give_up(c, f, *rest ? rest : "the vault did not sign a certificate");
	return 0;
}
