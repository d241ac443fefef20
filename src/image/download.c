/* SPDX-License-Identifier: Apache-2.0 */
#include "image/download.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "image/part.h"

#include <sys/random.h>

#define TRIES_MAX      5U
#define BACKOFF_NS     (250 * NS_PER_MS)
#define BACKOFF_MAX_NS (10 * NS_PER_SEC)
#define OTHER_STALL_NS (120 * NS_PER_SEC)
#define OTHER_LOOK_NS  (200 * NS_PER_MS)
#define REFUSAL_MAX    ((size_t)4096)

enum state { /* WAITING -> RUNNING -> DONE, and back to WAITING after a failure that may
		pass */
	WAITING,
	RUNNING,
	DONE,
};

struct transfer {
	struct download *all;
	const struct descriptor *blob;
	size_t row;
	enum state state;
	uint64_t not_before; /* CLOCK_MONOTONIC */
	unsigned tries;      /* in a row without a byte */
	bool logged_in;      /* a 401 has been answered since the last byte */
	bool began_again;    /* once, after a wrong digest of what was resumed */
	bool resumed;
	uint64_t other_size, other_since; /* of another process's part */
	struct part part;
	bool part_open;
	CURL *easy;
	struct curl_slist *headers;
	struct http_reply reply;
	struct err err; /* from within the sink */
	char detail[CURL_ERROR_SIZE];
};

struct download {
	struct registry *registry;
	struct store *store;
	struct progress *progress;
	CURLM *multi;
	struct transfer *v;
	size_t n;
	unsigned running;
};

static void end_request(struct transfer *t)
{
	if (t->easy) {
		(void)curl_multi_remove_handle(t->all->multi, t->easy);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
		t->all->running--;
	}
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	http_reply_clear(&t->reply);
}

static void end_transfer(struct transfer *t)
{
	end_request(t);
	if (t->part_open)
		part_close(&t->part);
	t->part_open = false;
}

static void finish(struct transfer *t, const char *word)
{
	end_transfer(t);
	t->state = DONE;
	t->all->progress->rows[t->row].now = t->blob->size;
	progress_state(t->all->progress, t->row, word, false);
}

/* The body of a refusal is kept to be read, that of a blob goes to its part. */
static size_t take_data(char *data, size_t size, size_t n, void *to)
{
	struct transfer *t = to;
	size_t len = size * n;
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 206) {
		if (len <= REFUSAL_MAX - t->reply.body.len)
			(void)buf_add(&t->reply.body, data, len);
		return len;
	}
	/* asked to go on, and sent all of it, or some other piece: begin again */
	if (status == 200 && t->resumed) {
		t->resumed = false;
		if (part_restart(&t->part, &t->err) < 0)
			return 0;
	}
	if (status == 206 && t->resumed &&
		t->reply.range_start != (int64_t)t->part.have &&
		t->reply.range_start >= 0) {
		err_set(&t->err, EPROTO,
			"the registry sends another range than was asked for");
		return 0;
	}
	t->reply.range_start = -1;
	if (part_add(&t->part, data, len, t->blob->size, &t->err) < 0)
		return 0;
	t->tries = 0;
	t->logged_in = false;
	progress_now(t->all->progress, t->row, t->part.have);
	return len;
}

static int commit(struct transfer *t, struct err *e)
{
	bool resumed = t->resumed;
	int r = part_commit(&t->part, e);

	if (r == 0) {
		finish(t, "downloaded");
		return 0;
	}
	/* what a crash of the machine left of an earlier try may have been damaged */
	if (r == -EBADMSG && resumed && !t->began_again) {
		t->began_again = true;
		end_transfer(t);
		t->state = WAITING;
		return 0;
	}
	return r;
}

static int start_request(struct transfer *t, struct err *e)
{
	struct download *d = t->all;
	auto_free char *url = registry_blob_url(d->registry, t->blob->digest);

	memset(&t->err, 0, sizeof(t->err));
	t->reply.range_start = -1;
	t->easy = url ? http_new(url, &d->registry->policy, &t->reply) : NULL;
	if (!t->easy)
		return err_set(e, ENOMEM, "libcurl: out of memory");
	t->headers = http_headers(d->registry->auth, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_data);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
	(void)curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 1L << 18);
	t->resumed = t->part.have > 0;
	if (t->resumed) {
		auto_free char *range =
			str_printf("%llu-", (unsigned long long)t->part.have);

		(void)curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	}
	if (curl_multi_add_handle(d->multi, t->easy) != CURLM_OK) {
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
		return err_set(e, EIO, "libcurl: can't start a transfer");
	}
	d->running++;
	t->state = RUNNING;
	progress_state(d->progress, t->row, "downloading", true);
	progress_now(d->progress, t->row, t->part.have);
	return 0;
}

/* Another process writes this blob: wait as long as its part grows. */
static int wait_for_other(struct transfer *t, struct err *e)
{
	char path[DIGEST_PATH_MAX];
	uint64_t now = clock_mono_ns();
	struct stat st;

	(void)snprintf(path, sizeof(path), "tmp/%.6s-%s.part", t->blob->digest,
		digest_hex(t->blob->digest));
	if (fstatat(t->all->store->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_size = 0;
	if (!t->other_since || (uint64_t)st.st_size != t->other_size) {
		t->other_size = (uint64_t)st.st_size;
		t->other_since = now;
	}
	if (now - t->other_since > OTHER_STALL_NS)
		return err_set(e, EBUSY,
			"another process is at %s, and has got no further for 2 minutes",
			t->blob->digest);
	t->not_before = now + OTHER_LOOK_NS;
	progress_state(t->all->progress, t->row, "waiting", true);
	progress_now(t->all->progress, t->row, t->other_size);
	return 0;
}

static int start(struct transfer *t, struct err *e)
{
	int r = 0;

	if (!t->part_open) {
		r = part_open(t->all->store, t->blob->digest, t->blob->size, &t->part, e);
		if (r == -EAGAIN)
			return wait_for_other(t, e);
		if (r == 1)
			finish(t, t->other_since ? "downloaded" : "is here");
		if (r)
			return r < 0 ? r : 0;
		t->part_open = true;
	}
	if (t->part.have == t->blob->size) {
		t->resumed = true;
		return commit(t, e);
	}
	return start_request(t, e);
}

static uint64_t backoff(const struct transfer *t)
{
	uint64_t ns = BACKOFF_NS << t->tries;
	unsigned char jitter = 0;

	if (getrandom(&jitter, 1, GRND_NONBLOCK) != 1)
		jitter = 0;
	ns = ns > BACKOFF_MAX_NS ? BACKOFF_MAX_NS : ns;
	return ns + ns * jitter / 1024;
}

/* Once more, if there is hope; 'e' says why the last try failed. */
static int again(struct transfer *t, struct err *e)
{
	uint64_t wait = backoff(t);
	long asked = t->reply.retry_after;

	if (++t->tries > TRIES_MAX)
		return -(e ? e->code : EIO);
	if (asked > 0 && asked <= 60)
		wait = (uint64_t)asked * NS_PER_SEC;
	end_request(t);
	t->not_before = clock_mono_ns() + wait;
	t->state = WAITING;
	progress_state(t->all->progress, t->row, "retrying", true);
	return 0;
}

static int relogin(struct transfer *t, struct err *e)
{
	int r;

	if (t->logged_in)
		return http_refused(&t->reply, t->blob->digest, e);
	r = registry_login(t->all->registry, &t->reply.challenge, e);
	if (r < 0)
		return r;
	t->logged_in = true;
	end_request(t);
	t->state = WAITING;
	return 0;
}

/* A request has ended: what now? */
static int ended(struct transfer *t, CURLcode code, struct err *e)
{
	long status = 0;
	int r;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	t->reply.status = status;
	if (t->err.code) {
		if (e)
			*e = t->err;
		return -t->err.code;
	}
	if (code != CURLE_OK) {
		r = http_failed(code, t->detail, t->all->registry->base, e);
		return http_is_passing(code) ? again(t, e) : r;
	}
	if (status == 401)
		return relogin(t, e);
	if (status == 416 && part_restart(&t->part, e) == 0) {
		err_set(e, EIO, "the registry can't go on where a download was cut off");
		return again(t, e);
	}
	if (status != 200 && status != 206) {
		r = http_refused(&t->reply, t->blob->digest, e);
		return http_status_is_passing(status) ? again(t, e) : r;
	}
	if (t->part.have < t->blob->size) {
		err_set(e, EIO, "%s ends after %llu of %llu bytes", t->blob->digest,
			(unsigned long long)t->part.have,
			(unsigned long long)t->blob->size);
		return again(t, e);
	}
	end_request(t);
	return commit(t, e);
}

static int reap(struct download *d, struct err *e)
{
	CURLMsg *m;
	int left, r = 0;

	while (r == 0 && (m = curl_multi_info_read(d->multi, &left))) {
		struct transfer *t = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		r = ended(t, code, e);
		if (r < 0)
			err_wrap(e, "blob %.19s", t->blob->digest);
	}
	return r;
}

/* Start what may start. Returns how many aren't done, or -errno. */
static int start_ready(struct download *d, struct err *e)
{
	uint64_t now = clock_mono_ns();
	int left = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct transfer *t = &d->v[i];
		int r = 0;

		if (t->state == WAITING && t->not_before <= now &&
			d->running < DOWNLOADS_AT_ONCE)
			r = start(t, e);
		if (r < 0)
			return r;
		left += t->state != DONE;
	}
	return left;
}

static int run(struct download *d, struct err *e)
{
	for (;;) {
		int still, r = start_ready(d, e);

		if (r <= 0)
			return r;
		if (curl_multi_perform(d->multi, &still) != CURLM_OK ||
			curl_multi_poll(d->multi, NULL, 0, 100, NULL) != CURLM_OK)
			return err_set(e, EIO, "libcurl: transfers fail");
		r = reap(d, e);
		if (r < 0)
			return r;
		progress_draw(d->progress, false);
	}
}

int download_blobs(struct registry *r, struct store *s,
	const struct descriptor *const *blobs, size_t n, struct progress *progress,
	struct err *e)
{
	struct download d = { .registry = r, .store = s, .progress = progress, .n = n };
	int k;

	d.multi = curl_multi_init();
	d.v = calloc(n ? n : 1, sizeof(*d.v));
	if (!d.multi || !d.v) {
		free(d.v);
		return err_set(e, ENOMEM, "libcurl: out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		d.v[i] = (struct transfer){ .all = &d, .blob = blobs[i], .row = i };
		d.v[i].part.fd = -1;
		/* the same blob twice in one image is brought once */
		for (size_t k2 = 0; k2 < i; k2++)
			if (str_eq(blobs[k2]->digest, blobs[i]->digest))
				d.v[i].state = DONE;
	}
	k = run(&d, e);
	for (size_t i = 0; i < n; i++)
		end_transfer(&d.v[i]);
	(void)curl_multi_cleanup(d.multi);
	free(d.v);
	return k;
}
