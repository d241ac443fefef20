/* SPDX-License-Identifier: Apache-2.0 */
#include "image/entry.h"

#include "base/err.h"
#include "base/str.h"

#include <sys/stat.h>

int entry_bad(struct err *e, int code, const char *name, const char *why)
{
	auto_free char *shown = str_escape(name);

	return err_set(e, code, "entry '%.200s' %s", shown ? shown : "", why);
}

/* Tidy 'text' into 'out' (PATH_MAX): no "//", "." or trailing "/"; NULL or what is wrong.
 */
static const char *tidy(const char *text, char *out)
{
	unsigned depth = 0;
	size_t at = 0;

	/* "/" alone can mean nothing but the layer's root; umoci writes it so */
	if (*text == '/' && text[strspn(text, "/")])
		return "is absolute";
	if (strlen(text) >= PATH_MAX)
		return "has a name that is too long";
	while (*(text += strspn(text, "/"))) {
		size_t len = strcspn(text, "/");

		if (len == 2 && text[0] == '.' && text[1] == '.')
			return "holds '..'";
		if (len > NAME_MAX)
			return "has a name that is too long";
		if (!(len == 1 && text[0] == '.')) {
			if (++depth > ENTRY_DEPTH_MAX)
				return "is nested too deeply";
			if (at)
				out[at++] = '/';
			memcpy(out + at, text, len);
			at += len;
		}
		text += len;
	}
	out[at] = '\0';
	return NULL;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* '.wh.' names, rewritten to what they act on. */
static int decide_whiteout(const struct entry *in, struct entry_plan *p, struct err *e)
{
	char *name = (char *)(uintptr_t)last_name(p->path);

	if (str_eq(name, ".wh..wh..opq")) {
		p->verb = ENTRY_OPAQUE;
		*(name > p->path ? name - 1 : name) = '\0';
		return 0;
	}
	if (str_starts(name, ".wh..wh.")) {
		p->verb = ENTRY_DROP;
		return 0;
	}
	if (!name[4] || str_eq(name + 4, ".") || str_eq(name + 4, ".."))
		return entry_bad(e, EBADMSG, in->name, "is a whiteout of no name");
	p->verb = ENTRY_WHITEOUT;
	memmove(name, name + 4, strlen(name + 4) + 1);
	return 0;
}

static int decide_hardlink(const struct entry *in, struct entry_plan *p, struct err *e)
{
	const char *why = tidy(in->hardlink, p->target);
	char text[80];

	if (!why && !*p->target)
		why = "is the layer's root";
	if (why) {
		(void)snprintf(text, sizeof(text), "is a hard link whose target %s", why);
		return entry_bad(e, EBADMSG, in->name, text);
	}
	p->verb = ENTRY_HARDLINK;
	return 0;
}

static int decide_type(const struct entry *in, struct entry_plan *p, struct err *e)
{
	switch (in->type) {
	case S_IFREG: p->verb = ENTRY_FILE; break;
	case S_IFDIR: p->verb = ENTRY_DIR; break;
	case S_IFIFO: p->verb = ENTRY_FIFO; break;
	case S_IFLNK:
		if (!in->symlink || !*in->symlink || strlen(in->symlink) >= PATH_MAX)
			return entry_bad(e, EBADMSG, in->name,
				"is a symbolic link without a usable target");
		(void)strcpy(p->target, in->symlink);
		p->verb = ENTRY_SYMLINK;
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (!str_starts(p->path, "dev/"))
			return entry_bad(e, EBADMSG, in->name, "is a device node");
		p->verb = ENTRY_DROP;
		break;
	default: return entry_bad(e, EBADMSG, in->name, "is of a type no layer has");
	}
	if (!*p->path && p->verb != ENTRY_DIR)
		return entry_bad(e, EBADMSG, in->name, "would replace the layer's root");
	return 0;
}

int entry_decide(const struct entry *in, struct entry_plan *ret, struct err *e)
{
	const char *why;

	if (!in->name || !*in->name)
		return entry_bad(e, EBADMSG, "", "has no name");
	why = tidy(in->name, ret->path);
	if (why)
		return entry_bad(e, EBADMSG, in->name, why);
	ret->target[0] = '\0';
	if (str_starts(last_name(ret->path), ".wh."))
		return decide_whiteout(in, ret, e);
	if (in->hardlink) {
		if (!*ret->path)
			return entry_bad(
				e, EBADMSG, in->name, "would replace the layer's root");
		return decide_hardlink(in, ret, e);
	}
	return decide_type(in, ret, e);
}
