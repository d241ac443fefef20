/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/filestream-dest.h"

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define OPEN_DIR (O_PATH | O_DIRECTORY)

static void set_name(struct files_place *p, const char *name)
{
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
}

static int not_a_directory(const struct files_dest *d, bool slash, struct err *e)
{
	struct stat st;

	if (!slash && fstatat(d->dirfd, d->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode) && !(d->flags & FILES_FOLLOW)) {
		(void)err_set(e, ELOOP, "copy to '%s': it is a symbolic link", d->path);
		err_hint(e,
			"name what it points to, or end the path with '/' to follow it");
		return -ELOOP;
	}
	return 0;
}

/* The directory above, and the last component as the name. */
static int open_above(const struct files_dest *d, struct files_place *p, struct err *e)
{
	auto_free char *path = strdup(d->path);
	const char *base;
	char *slash;

	if (!path)
		return err_set(e, ENOMEM, "copy to '%s': out of memory", d->path);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	slash = strrchr(path, '/');
	base = slash ? slash + 1 : path;
	if (!path_is_name(base))
		return err_set(e, EINVAL, "copy to '%s': not a name for a file", d->path);
	set_name(p, base);
	if (slash)
		slash[slash == path] = '\0';
	p->fd = files_openat(d->dirfd, slash ? path : ".", d->flags, OPEN_DIR);
	return p->fd < 0 ? err_sys(e, "copy to '%s': open the directory above", d->path)
			 : 0;
}

int files_dest_open(const struct files_dest *dest, const struct files_entry *top,
	struct files_place *ret, struct err *e)
{
	bool slash = str_ends(dest->path, "/") || str_ends(dest->path, "/.");
	bool follow = slash || (dest->flags & FILES_FOLLOW);
	bool is_dir = top->type == FILES_DIR;
	struct files_place place = { .fd = -1 };
	int r;

	place.fd = files_openat(dest->dirfd, dest->path, dest->flags,
		OPEN_DIR | (follow ? 0 : O_NOFOLLOW));
	if (place.fd >= 0) {
		place.merge = is_dir && (top->flags & FILES_CONTENTS);
		set_name(&place, top->name);
		*ret = place;
		return 0;
	}
	if (errno == EXDEV)
		return err_set(e, EXDEV,
			"copy to '%s': a link leads it out of the workspace", dest->path);
	if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(e, "copy to '%s'", dest->path);
	if (errno != ENOENT) {
		r = not_a_directory(dest, slash, e);
		if (r < 0)
			return r;
		if (is_dir || slash)
			return err_set(e, ENOTDIR, "copy to '%s': it is no directory",
				dest->path);
	} else if (slash && !is_dir) {
		return err_set(e, ENOENT, "copy to '%s': no such directory", dest->path);
	}
	r = open_above(dest, &place, e);
	if (r == 0)
		*ret = place;
	return r;
}
