/* SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"

#include "base/err.h"
#include "base/str.h"

#include <sys/ioctl.h>

int term_raw(struct term *t, int fd, struct err *e)
{
	struct termios raw;

	t->fd = fd;
	t->raw = false;
	if (tcgetattr(fd, &t->before) < 0)
		return err_sys(e, "read the terminal's settings");
	raw = t->before;
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return err_sys(e, "make the terminal raw");
	t->raw = true;
	return 0;
}

void term_restore(struct term *t)
{
	if (t->raw)
		(void)tcsetattr(t->fd, TCSADRAIN, &t->before);
	t->raw = false;
}

bool term_size(int fd, uint16_t *rows, uint16_t *cols)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return false;
	*rows = w.ws_row;
	*cols = w.ws_col;
	return true;
}

int term_keys_parse(const char *text, struct term_keys *ret, struct err *e)
{
	auto_strv struct strv words = { 0 };

	*ret = (struct term_keys){ 0 };
	if (strv_split(&words, text, ",") < 0)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.v[i];
		unsigned char c = 0;

		if (str_starts(w, "ctrl-") && strlen(w) == 6 &&
			strchr("abcdefghijklmnopqrstuvwxyz@[\\]^_", w[5]))
			c = (unsigned char)w[5] & 0x1f;
		else if (strlen(w) == 1)
			c = (unsigned char)*w;
		else
			return err_set(
				e, EINVAL, "'%s' is no key: write ctrl-p,ctrl-q", w);
		if (ret->n == TERM_KEYS_MAX)
			return err_set(e, EINVAL, "more than %d keys", TERM_KEYS_MAX);
		ret->key[ret->n++] = c;
	}
	return 0;
}

/* What is held is not the keys' beginning; its end may be. Returns how many bytes go on. */
static size_t let_go(struct term_keys *k, unsigned char *out)
{
	size_t still = k->seen - 1, n;

	while (still && memcmp(k->key, k->key + k->seen - still, still) != 0)
		still--;
	n = k->seen - still;
	memcpy(out, k->key, n);
	k->seen = still;
	return n;
}

size_t term_keys_filter(struct term_keys *k, const unsigned char *in, size_t len,
	unsigned char *out, bool *ret_hit)
{
	size_t n = 0;

	*ret_hit = false;
	for (size_t i = 0; i < len; i++) {
		while (k->seen && in[i] != k->key[k->seen])
			n += let_go(k, out + n);
		if (!k->n || in[i] != k->key[k->seen]) {
			out[n++] = in[i];
		} else if (++k->seen == k->n) {
			k->seen = 0;
			*ret_hit = true;
			return n;
		}
	}
	return n;
}
