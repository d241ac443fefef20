/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large workspaces and restore points are, for people.
 */
#include "sandbox/undo-point.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"

/* A workspace is measured only to say why there is no restore point of it: not for long. */
#define MEASURE_NS  (500 * NS_PER_MS)
#define MEASURE_MAX 2000000

struct sizing {
	struct strv todo;
	struct undo_links *seen; /* NULL: each name counts */
	uint64_t files, bytes, deadline;
	bool cut;
};

static int add_entry(struct sizing *z, int dir, const char *path, const char *name)
{
	auto_free char *full = undo_join(path, name);
	const char *first = NULL;
	struct stat st;

	if (!full)
		return -ENOMEM;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) && strv_add(&z->todo, full) < 0)
		return -ENOMEM;
	if (z->seen && st.st_nlink > 1 && !S_ISDIR(st.st_mode) &&
		undo_links_first(z->seen, st.st_dev, st.st_ino, full, &first) < 0)
		return -ENOMEM;
	if (first)
		return 0;
	z->files++;
	z->bytes += (uint64_t)st.st_blocks * 512;
	return 0;
}

static int size_tree(struct sizing *z, int root)
{
	int r = strv_add(&z->todo, "");

	while (r == 0 && z->todo.n > 0 && !z->cut) {
		auto_free char *path = z->todo.v[--z->todo.n];
		auto_fd int dir = -1;
		auto_strv struct strv names = { 0 };

		z->todo.v[z->todo.n] = NULL;
		dir = undo_open_dir(root, path);
		if (dir < 0 || undo_list(dir, &names) < 0)
			continue;
		for (size_t i = 0; i < names.n && r == 0; i++)
			r = add_entry(z, dir, path, names.v[i]);
		z->cut = z->deadline &&
			(clock_mono_ns() > z->deadline || z->files > MEASURE_MAX);
	}
	strv_clear(&z->todo);
	return r;
}

void undo_measure(int root, char out[UNDO_SIZE_TEXT])
{
	struct sizing z = { .deadline = clock_mono_ns() + MEASURE_NS };
	char size[STR_SIZE_MAX];
	int r = size_tree(&z, root);

	(void)snprintf(out, UNDO_SIZE_TEXT, "%s%s in %llu files",
		r < 0 || z.cut ? "more than " : "", str_from_size(z.bytes, size),
		(unsigned long long)z.files);
}

int undo_cost(int dest, struct undo_links *seen, struct undo_cost *ret, struct err *e)
{
	auto_fd int tree =
		openat(dest, UNDO_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(undo_point_clear) struct undo_point p = { 0 };
	struct sizing z = { .seen = seen };
	int r = undo_point_load(dest, &p, e);

	if (r < 0)
		return r;
	if (tree < 0)
		return err_sys(e, "open the restore point");
	ret->clones = p.clones;
	/* of blocks that are shared nobody can say cheaply whose they are */
	r = p.clones ? 0 : size_tree(&z, tree);
	ret->disk = z.bytes;
	return r < 0 ? err_set(e, -r, "out of memory") : 0;
}
