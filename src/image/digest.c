/* SPDX-License-Identifier: Apache-2.0 */
#include "image/digest.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool digest_valid(const char *text)
{
	size_t want;

	if (!text)
		return false;
	if (str_starts(text, "sha256:"))
		want = 64;
	else if (str_starts(text, "sha512:"))
		want = 128;
	else
		return false;
	return strspn(text + 7, "0123456789abcdef") == want && text[7 + want] == '\0';
}

int digest_check(const char *text, const char *what, struct err *e)
{
	auto_free char *shown = NULL;

	if (digest_valid(text))
		return 0;
	if (!text)
		return err_set(e, EBADMSG, "%s: no digest", what);
	shown = str_escape(text);
	return err_set(e, EBADMSG, "%s: '%.160s' is no sha256 or sha512 digest", what,
		shown ? shown : "");
}

const char *digest_hex(const char *digest)
{
	return digest + 7;
}

const char *digest_path(const char *digest, char out[DIGEST_PATH_MAX])
{
	(void)snprintf(out, DIGEST_PATH_MAX, "blobs/%.6s/%s", digest, digest_hex(digest));
	return out;
}

const char *digest_short(const char *digest, char out[DIGEST_SHORT_MAX])
{
	(void)snprintf(out, DIGEST_SHORT_MAX, "%.12s", digest_hex(digest));
	return out;
}
