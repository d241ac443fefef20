/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fs.h"

#include "base/err.h"
#include "base/test.h"
#include "vmm/virtio/fuse-proto.h"
#include "vmm/virtio/fuse.h"
#include "vmm/virtio/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[40];

static struct virtio_device *make(void)
{
	struct fs_options o = { .tag = "root", .queues = 2, .squash = FUSE_NO_SQUASH };
	struct err e = { 0 };

	o.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fs_new(&o, &e);
}

static void begin(struct testing *t)
{
	(void)snprintf(path, sizeof(path), "/tmp/fs-test.XXXXXX");
	expect(mkdtemp(path));
	testing_begin(t, make(), 1 << 20);
	expect(testing_start(t, ~0ULL));
}

static void end(struct testing *t)
{
	char command[64];

	testing_end(t);
	(void)snprintf(command, sizeof(command), "rm -rf %s", path);
	expect(system(command) == 0);
}

/* One request on 'queue'; the answer's body goes to 'to'. */
static int ask(struct testing *t, unsigned queue, uint32_t opcode, const void *args,
	uint32_t n, void *to, uint32_t room)
{
	const struct fuse_in_header in = { .len = (uint32_t)sizeof(in) + n,
		.opcode = opcode,
		.unique = 5,
		.nodeid = FUSE_ROOT_ID,
		.uid = geteuid(),
		.gid = getegid() };
	struct fuse_out_header out;
	uint64_t head = testing_alloc(t, sizeof(in), 8),
		 body = testing_alloc(t, n + 1, 8),
		 answer = testing_alloc(t, sizeof(out) + room, 8);
	const struct testing_seg seg[] = { { head, sizeof(in), false },
		{ body, n, false }, { answer, sizeof(out), true },
		{ answer + sizeof(out), room, true } };
	uint32_t wrote;
	uint16_t got;

	memcpy(testing_at(t, head, sizeof(in)), &in, sizeof(in));
	memcpy(testing_at(t, body, n + 1), args, n);
	(void)testing_add(t, queue, seg, 4);
	testing_kick(t, queue);
	expect(testing_used(t, queue, &got, &wrote) && wrote >= sizeof(out));
	memcpy(&out, testing_at(t, answer, sizeof(out)), sizeof(out));
	expect(out.unique == 5 && out.len == wrote);
	memcpy(to, testing_at(t, answer + sizeof(out), room), room);
	return out.error;
}

static void hello(struct testing *t)
{
	const struct fuse_init_in in = { .major = 7, .minor = 38, .flags = 0x7fffffff };
	struct fuse_init_out out;

	expect(ask(t, 1, FUSE_INIT, &in, sizeof(in), &out, sizeof(out)) == 0);
	expect(out.major == 7 && out.max_pages == 256 && !(out.flags & FUSE_POSIX_LOCKS));
}

TEST(the_configuration_tells_the_tag_and_the_queues)
{
	struct testing t;
	uint8_t c[40];

	begin(&t);
	virtio_read_config(t.device, 0, c, sizeof(c));
	expect(!memcmp(c, "root\0\0\0", 7) && c[36] == 2 && !c[37]);
	end(&t);
}

TEST(requests_come_by_each_queue)
{
	struct fuse_entry_out e;
	struct testing t;

	begin(&t);
	hello(&t);
	expect(mkdir(strcat(path, "/d"), 0755) == 0);
	path[strlen(path) - 2] = 0;
	expect(ask(&t, 1, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == 0 && e.nodeid > 1);
	expect(ask(&t, 2, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == 0);
	expect(t.interrupts >= 1);
	end(&t);
}

TEST(forgetting_has_no_answer)
{
	const struct {
		struct fuse_in_header head;
		struct fuse_forget_in in;
	} f = { { .len = sizeof(f), .opcode = FUSE_FORGET, .nodeid = 2 }, { 1 } };
	struct fuse_entry_out e;
	struct fuse_counts n;
	struct testing t;
	uint32_t wrote;
	uint16_t got;
	uint64_t at;

	begin(&t);
	hello(&t);
	expect(mkdir(strcat(path, "/d"), 0755) == 0);
	path[strlen(path) - 2] = 0;
	expect(ask(&t, 1, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == 0 && e.nodeid == 2);
	at = testing_alloc(&t, sizeof(f), 8);
	memcpy(testing_at(&t, at, sizeof(f)), &f, sizeof(f));
	(void)testing_add(&t, 0, &(struct testing_seg){ at, sizeof(f), false }, 1);
	testing_kick(&t, 0);
	expect(testing_used(&t, 0, &got, &wrote) && wrote == 0);
	fuse_count(fs_fuse(t.device), &n);
	expect(n.inodes == 1);
	end(&t);
}

TEST(a_reset_forgets_and_a_moved_device_remembers)
{
	struct fuse_entry_out e;
	struct fuse_counts n;
	struct testing t;

	begin(&t);
	hello(&t);
	expect(mkdir(strcat(path, "/d"), 0755) == 0);
	path[strlen(path) - 2] = 0;
	expect(ask(&t, 1, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == 0);
	expect(testing_move(&t, make()) == 0);
	fuse_count(fs_fuse(t.device), &n);
	expect(n.inodes == 2);
	expect(ask(&t, 1, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == 0 && e.nodeid == 2);
	testing_reset(&t);
	expect(testing_start(&t, ~0ULL));
	expect(ask(&t, 1, FUSE_LOOKUP, "d", 2, &e, sizeof(e)) == -EIO);
	hello(&t);
	end(&t);
}
