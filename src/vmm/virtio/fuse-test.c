/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fuse-client.h"

#include "base/buf.h"

#include <pthread.h>

static int open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

TEST(a_file_is_made_written_read_and_removed)
{
	struct client c;
	uint64_t fh = 0, node;
	struct fuse_attr a;
	struct fuse_read_in in = { .size = 100 };

	client_begin(&c, 0);
	node = client_create(&c, 1, "f", 0640, &fh);
	expect(node > 1 && client_write(&c, node, fh, 0, "hello", 0) == 0);
	in.fh = fh;
	expect(client_ask(&c, FUSE_READ, node, &in, sizeof(in), NULL, 0) == 0);
	expect(c.len == 5 && !memcmp(c.body, "hello", 5));
	expect(client_get_attr(&c, node, &a) == 0 && a.size == 5 &&
		a.mode == (S_IFREG | 0640));
	expect(client_ask_name(&c, FUSE_UNLINK, 1, NULL, 0, "f") == 0);
	expect(client_get_attr(&c, node, &a) == 0 && a.nlink == 0);
	expect(client_release(&c, node, fh) == 0 &&
		client_get_attr(&c, node, &a) == -ESTALE);
	expect(client_forget(&c, node, 1) == 1);
	expect(client_look(&c, 1, "f") == 0 && c.len == sizeof(struct fuse_entry_out));
	client_end(&c);
}

TEST(names_that_lead_away_are_refused)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/etc", "../x", NULL };
	struct client c;
	uint64_t fh;

	client_begin(&c, 0);
	for (const char *const *n = names; *n; n++) {
		expect(client_ask_name(&c, FUSE_LOOKUP, 1, NULL, 0, *n) == -EINVAL);
		expect(client_ask_name(&c, FUSE_UNLINK, 1, NULL, 0, *n) == -EINVAL);
		expect(!client_create(&c, 1, *n, 0600, &fh) &&
			!client_make_dir(&c, 1, *n, 0700));
	}
	/* no NUL at the end */
	expect(client_ask(&c, FUSE_LOOKUP, 1, "abc", 3, NULL, 0) == -EINVAL);
	client_end(&c);
}

TEST(a_link_of_the_hosts_is_never_followed)
{
	const struct fuse_open_in in = { .flags = O_RDONLY };
	const struct fuse_create_in made = { .flags = O_RDWR | O_CREAT, .mode = 0600 };
	struct client c;
	uint64_t link, dir;
	char path[128], other[128];

	client_begin(&c, 0);
	(void)snprintf(path, sizeof(path), "%s/link", c.path);
	expect(symlink("/etc", path) == 0);
	link = client_look(&c, 1, "link");
	expect(link && S_ISLNK(client_entry(&c)->attr.mode));
	expect(client_ask_name(&c, FUSE_LOOKUP, link, NULL, 0, "passwd") == -ENOTDIR);
	expect(client_ask(&c, FUSE_OPEN, link, &in, sizeof(in), NULL, 0) < 0);
	expect(client_ask_name(&c, FUSE_CREATE, 1, &made, sizeof(made), "link") ==
		-ESTALE);
	/* nor one that took a directory's place */
	dir = client_make_dir(&c, 1, "dir", 0755);
	(void)snprintf(path, sizeof(path), "%s/dir", c.path);
	(void)snprintf(other, sizeof(other), "%s/was", c.path);
	expect(dir && rename(path, other) == 0 && symlink("/etc", path) == 0);
	expect(client_ask_name(&c, FUSE_LOOKUP, dir, NULL, 0, "passwd") == -ESTALE);
	client_end(&c);
}

TEST(a_file_that_took_anothers_place_is_not_taken_for_it)
{
	const struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 0777 };
	struct client c;
	uint64_t node, fh = 0;
	char path[128], other[128];
	struct stat st;

	client_begin(&c, 0);
	node = client_create(&c, 1, "a", 0600, &fh);
	expect(node && client_release(&c, node, fh) == 0);
	node = client_create(&c, 1, "b", 0600, &fh);
	expect(node && client_release(&c, node, fh) == 0);
	node = client_look(&c, 1, "a");
	(void)snprintf(path, sizeof(path), "%s/a", c.path);
	(void)snprintf(other, sizeof(other), "%s/b", c.path);
	expect(rename(other, path) == 0);
	expect(client_ask(&c, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0) == -ESTALE);
	expect(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	client_end(&c);
}

TEST(what_was_not_looked_up_cannot_be_forgotten)
{
	struct client c;
	struct fuse_counts n;
	uint64_t dir, fh;

	client_begin(&c, 0);
	dir = client_make_dir(&c, 1, "d", 0755);
	expect(dir && client_look(&c, 1, "d") == dir);
	fuse_count(c.f, &n);
	expect(n.inodes == 2 && n.lookups == 2);
	expect(client_forget(&c, dir, 1) == 1 && client_create(&c, dir, "f", 0600, &fh));
	/* more than there were; it stays for the child's sake, and no number wraps */
	expect(client_forget(&c, dir, UINT64_MAX) == 1 && client_forget(&c, dir, 5) == 1);
	fuse_count(c.f, &n);
	expect(n.lookups == 1 && n.inodes == 3);
	expect(client_look(&c, 1, "d") == dir);
	expect(client_forget(&c, 1, UINT64_MAX) == 1 && client_look(&c, 1, "d") == dir);
	client_end(&c);
}

TEST(devices_are_not_made_and_fifos_not_opened)
{
	struct fuse_mknod_in in = { .mode = S_IFCHR | 0666, .rdev = 0x103 };
	const struct fuse_open_in how = { .flags = O_RDONLY };
	struct client c;
	uint64_t node;

	client_begin(&c, 0);
	expect(client_ask_name(&c, FUSE_MKNOD, 1, &in, sizeof(in), "null") == -EPERM);
	in.mode = S_IFBLK | 0666;
	expect(client_ask_name(&c, FUSE_MKNOD, 1, &in, sizeof(in), "disk") == -EPERM);
	in.mode = S_IFIFO | 0640;
	expect(client_ask_name(&c, FUSE_MKNOD, 1, &in, sizeof(in), "fifo") == 0);
	node = client_entry(&c)->nodeid;
	expect(client_entry(&c)->attr.mode == in.mode);
	expect(client_ask(&c, FUSE_OPEN, node, &how, sizeof(how), NULL, 0) == -ENXIO);
	client_end(&c);
}

TEST(a_handle_is_its_inodes_alone)
{
	struct client c;
	uint64_t a, b, fh = 0, other = 0;

	client_begin(&c, 0);
	a = client_create(&c, 1, "a", 0600, &fh);
	b = client_create(&c, 1, "b", 0600, &other);
	expect(client_write(&c, b, fh, 0, "x", 0) == -EBADF);
	expect(client_release(&c, b, fh) == -EBADF && client_release(&c, a, fh) == 0);
	expect(client_write(&c, a, fh, 0, "x", 0) == -EBADF);
	client_end(&c);
}

TEST(descriptors_are_bounded_by_what_they_may_be)
{
	enum { DIRS = 300 };
	struct client c;
	struct fuse_counts n;
	uint64_t node[DIRS], fh;
	char name[32];
	int before = open_count(), opened = 0;

	client_begin(&c, 128);
	for (int i = 0; i < DIRS; i++) {
		(void)snprintf(name, sizeof(name), "d%d", i);
		node[i] = client_make_dir(&c, i ? node[i - 1] : 1, name, 0755);
		expect(node[i]);
	}
	/* the deepest, whose descriptor is gone, from the root down */
	for (int i = 0; i < DIRS; i++)
		expect(client_look(&c, node[i], "none") == 0 && c.len);
	expect(client_look(&c, node[0], "none") == 0 && c.len);
	expect(client_look(&c, node[DIRS - 1], "none") == 0 && c.len);
	fuse_count(c.f, &n);
	expect(n.inodes == DIRS + 1 && n.dir_fds <= 16);
	/* and open files run out, with an error */
	while (opened < 1000) {
		(void)snprintf(name, sizeof(name), "f%d", opened);
		if (!client_create(&c, 1, name, 0600, &fh))
			break;
		opened++;
	}
	expect(opened == 32 && open_count() < before + 64);
	client_end(&c);
}

TEST(a_directory_that_was_moved_is_found_with_what_is_in_it)
{
	struct fuse_rename_in in = { 0 };
	struct client c;
	uint64_t a, b, f, fh = 0;
	struct fuse_attr attr;

	client_begin(&c, 128);
	a = client_make_dir(&c, 1, "a", 0755);
	b = client_make_dir(&c, 1, "b", 0755);
	f = client_create(&c, a, "f", 0600, &fh);
	expect(a && b && f && client_release(&c, f, fh) == 0);
	in.newdir = b;
	expect(client_ask(&c, FUSE_RENAME, 1, &in, sizeof(in), "a\0moved", 8) == 0);
	expect(client_get_attr(&c, f, &attr) == 0 && client_look(&c, b, "moved") == a &&
		client_look(&c, a, "f") == f);
	expect(client_look(&c, 1, "a") == 0);
	client_end(&c);
}

TEST(a_name_that_circles_is_no_tree)
{
	struct client c;
	uint64_t a, b;
	char x[128], y[128], z[128];

	client_begin(&c, 128);
	a = client_make_dir(&c, 1, "a", 0755);
	b = client_make_dir(&c, a, "b", 0755);
	(void)snprintf(x, sizeof(x), "%s/a/b", c.path);
	(void)snprintf(y, sizeof(y), "%s/b", c.path);
	(void)snprintf(z, sizeof(z), "%s/a", c.path);
	/* both have descriptors, and the host turns them around */
	expect(client_look(&c, b, "none") == 0 && c.len);
	expect(rename(x, y) == 0);
	(void)snprintf(x, sizeof(x), "%s/b/a", c.path);
	expect(rename(z, x) == 0);
	expect(client_look(&c, b, "a") == a);
	expect(client_look(&c, 1, "b") == b && client_look(&c, b, "a") == a);
	expect(client_forget(&c, a, 9) == 1 && client_forget(&c, b, 9) == 1);
	struct fuse_counts n;
	fuse_count(c.f, &n);
	expect(n.inodes == 1);
	client_end(&c);
}

TEST(an_append_goes_to_the_end_and_a_page_of_a_map_to_its_place)
{
	struct fuse_write_in in = {
		.flags = O_APPEND, .size = 1, .write_flags = FUSE_WRITE_CACHE
	};
	struct client c;
	uint64_t f, fh = 0;
	struct fuse_attr a;

	client_begin(&c, 0);
	f = client_create(&c, 1, "f", 0600, &fh);
	expect(client_write(&c, f, fh, 0, "1234", 0) == 0 &&
		client_write(&c, f, fh, 1, "56", O_APPEND) == 0);
	expect(client_get_attr(&c, f, &a) == 0 && a.size == 6);
	in.fh = fh;
	expect(client_ask(&c, FUSE_WRITE, f, &in, sizeof(in), "x", 1) == 0);
	expect(client_get_attr(&c, f, &a) == 0 && a.size == 6);
	client_end(&c);
}

TEST(owners_and_bits_are_the_requests)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = 04755 };
	struct fuse_write_in w = { .size = 1, .write_flags = FUSE_WRITE_KILL_SUIDGID };
	struct client c;
	uint64_t f, d, fh = 0;
	struct fuse_attr a;

	if (geteuid())
		test_skip("needs root");
	client_begin(&c, 0);
	c.uid = 1234;
	c.gid = 555;
	f = client_create(&c, 1, "f", 0604, &fh);
	expect(f && client_entry(&c)->attr.uid == 1234 &&
		client_entry(&c)->attr.gid == 555 &&
		client_entry(&c)->attr.mode == (S_IFREG | 0604));
	d = client_make_dir(&c, 1, "d", 0751);
	expect(d && client_entry(&c)->attr.uid == 1234 &&
		client_entry(&c)->attr.mode == (S_IFDIR | 0751));
	expect(client_ask_name(&c, FUSE_SYMLINK, 1, "l", 2, "to") == 0 &&
		client_entry(&c)->attr.uid == 1234);
	expect(client_ask(&c, FUSE_SETATTR, f, &in, sizeof(in), NULL, 0) == 0);
	w.fh = fh;
	expect(client_ask(&c, FUSE_WRITE, f, &w, sizeof(w), "x", 1) == 0);
	expect(client_get_attr(&c, f, &a) == 0 && a.mode == (S_IFREG | 0755));
	/* a directory's group goes on, and its bit */
	in = (struct fuse_setattr_in){
		.valid = FATTR_MODE | FATTR_GID, .mode = 02775, .gid = 777
	};
	expect(client_ask(&c, FUSE_SETATTR, d, &in, sizeof(in), NULL, 0) == 0);
	expect(client_create(&c, d, "x", 0600, &fh) && client_entry(&c)->attr.gid == 777);
	expect(client_make_dir(&c, d, "y", 0700) &&
		client_entry(&c)->attr.mode == (S_IFDIR | 02700));
	/* nobody is everybody */
	c.uid = ~0U;
	expect(!client_create(&c, 1, "none", 0600, &fh) &&
		client_look(&c, 1, "none") == 0);
	client_end(&c);
}

TEST(short_answers_and_short_requests_are_refused)
{
	struct client c;
	struct fuse_in_header in = {
		.len = sizeof(in), .opcode = FUSE_GETATTR, .nodeid = 1
	};
	struct fuse_out_header out;
	const struct iovec o = { &in, sizeof(in) }, i = { &out, sizeof(out) };

	client_begin(&c, 0);
	for (uint32_t op = 1; op < 4100; op++) {
		in.opcode = op;
		if (op != FUSE_DESTROY && op != FUSE_INIT)
			(void)fuse_serve(c.f, &o, 1, &i, 1);
	}
	in = (struct fuse_in_header){
		.len = 1 << 30, .opcode = FUSE_GETATTR, .nodeid = 1
	};
	expect(fuse_serve(c.f, &o, 1, &i, 1) == sizeof(out) && out.error == -EINVAL);
	expect(fuse_serve(c.f, &o, 1, &i, 0) == 0);
	expect(fuse_serve(c.f, &(struct iovec){ &in, 7 }, 1, &i, 1) == 0);
	expect(client_hello(&c) == -EEXIST &&
		client_ask(&c, FUSE_DESTROY, 0, NULL, 0, NULL, 0) == 0);
	expect(client_look(&c, 1, "x") == 0 && client_hello(&c) == 0);
	client_end(&c);
}

TEST(what_was_saved_is_found_again_by_name)
{
	const struct fuse_options again = { .squash = FUSE_NO_SQUASH, .attr_ms = 1000 };
	struct fuse_options o = again;
	struct client c;
	struct buf b = { 0 };
	struct span from;
	struct fuse_counts n, m;
	struct fuse_attr a;
	uint64_t d, f, gone, fh = 0, lost = 0;

	client_begin(&c, 0);
	d = client_make_dir(&c, 1, "d", 0755);
	f = client_create(&c, d, "f", 0600, &fh);
	gone = client_create(&c, d, "gone", 0600, &lost);
	expect(client_write(&c, f, fh, 0, "abc", 0) == 0);
	expect(client_ask_name(&c, FUSE_UNLINK, d, NULL, 0, "gone") == 0);
	fuse_count(c.f, &n);
	expect(fuse_save(c.f, &b) == 0);
	fuse_free(c.f);
	o.root = c.root;
	c.f = fuse_new(&o, NULL);
	/* any cut of it is refused, and leaves nothing */
	for (size_t k = 0; k < b.len; k++) {
		from = (struct span){ (const uint8_t *)b.data, k };
		expect(fuse_restore(c.f, &from) < 0);
	}
	from = (struct span){ (const uint8_t *)b.data, b.len };
	expect(fuse_restore(c.f, &from) == 0 && from.left == 0);
	fuse_count(c.f, &m);
	expect(m.inodes == n.inodes && m.lookups == n.lookups && m.handles == n.handles);
	expect(client_write(&c, f, fh, 3, "def", 0) == 0 &&
		client_get_attr(&c, f, &a) == 0 && a.size == 6);
	expect(client_look(&c, d, "f") == f && client_look(&c, 1, "d") == d);
	expect(client_write(&c, gone, lost, 0, "x", 0) == -ESTALE &&
		client_get_attr(&c, gone, &a) == -ESTALE);
	buf_clear(&b);
	client_end(&c);
}

static void *churn(void *arg)
{
	struct client c = *(struct client *)arg;
	static unsigned next;
	unsigned seed = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);

	for (int i = 0; i < 4000; i++) {
		char name[8], pair[16];
		struct fuse_rename_in in = { .newdir = 1 };
		uint64_t node, fh = 0;
		int len;

		(void)snprintf(name, sizeof(name), "n%d", rand_r(&seed) % 6);
		len = snprintf(pair, sizeof(pair), "%s%cn%d", name, 0, rand_r(&seed) % 6);
		switch (rand_r(&seed) % 6) {
		case 0:
			node = client_create(&c, 1, name, 0600, &fh);
			if (node) {
				(void)client_write(&c, node, fh, 0, "x", 0);
				(void)client_release(&c, node, fh);
				(void)client_forget(&c, node, 1);
			}
			break;
		case 1: (void)client_ask_name(&c, FUSE_UNLINK, 1, NULL, 0, name); break;
		case 2:
			(void)client_ask(&c, FUSE_RENAME, 1, &in, sizeof(in), pair,
				(size_t)len + 1);
			break;
		case 3:
			node = client_make_dir(&c, 1, name, 0755);
			if (node)
				(void)client_forget(&c, node, 1);
			break;
		case 4: (void)client_ask_name(&c, FUSE_RMDIR, 1, NULL, 0, name); break;
		default:
			node = client_look(&c, 1, name);
			if (node) {
				struct fuse_attr a;

				(void)client_get_attr(&c, node, &a);
				(void)client_look(&c, node, "in");
				(void)client_forget(&c, node, 1);
			}
		}
	}
	return NULL;
}

TEST(threads_work_beside_each_other_and_nothing_is_left)
{
	enum { THREADS = 4 };
	pthread_t thread[THREADS];
	struct client c;
	struct fuse_counts n;

	client_begin(&c, 128);
	for (int i = 0; i < THREADS; i++)
		expect(pthread_create(&thread[i], NULL, churn, &c) == 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	fuse_count(c.f, &n);
	expect(n.inodes == 1 && n.handles == 0 && n.lookups == 0 && n.orphans == 0);
	client_end(&c);
}
