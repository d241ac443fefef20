/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-fuzz.c - requests of a hostile kernel, on a temporary directory with a link that leads
 * out of it and a file beside it that nothing may touch.
 *
 * The input is a row of requests: opcode, a small number for the inode, one for the handle, a
 * length, and that many bytes behind the header as they are. A byte in between decides whether
 * inode and handle are taken as they come or one that is known.
 */
#include "vmm/virtio/fuse-proto.h"
#include "vmm/virtio/fuse.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "untouched"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool good)
{
	if (!good)
		abort();
}

static void one(
	struct fuse *f, uint32_t opcode, uint64_t node, const void *args, size_t n)
{
	static char body[1 << 16];
	struct fuse_in_header in = { .len = (uint32_t)(sizeof(in) + n),
		.opcode = opcode,
		.nodeid = node,
		.uid = getuid(),
		.gid = getgid() };
	struct fuse_out_header out;
	const struct iovec o[] = { { &in, sizeof(in) }, { (void *)(uintptr_t)args, n } };
	const struct iovec i[] = { { &out, sizeof(out) }, { body, sizeof(body) } };

	must(fuse_serve(f, o, 2, i, 2) <= sizeof(out) + sizeof(body));
}

static void requests(struct fuse *f, const uint8_t *data, size_t len)
{
	const struct fuse_init_in init = { .major = 7, .minor = 38, .flags = 0x7fffffff };
	uint8_t args[600];

	one(f, FUSE_INIT, 0, &init, sizeof(init));
	for (unsigned n = 0; len >= 4 && n < 200; n++) {
		uint32_t opcode = data[0] % 56;
		uint64_t node = data[1] % 16, fh = data[2] % 16;
		size_t args_n = data[3] * 2U;

		data += 4;
		len -= 4;
		args_n = args_n < len ? args_n : len;
		memcpy(args, data, args_n);
		data += args_n;
		len -= args_n;
		/* the handle comes first in what has one */
		if (fh && args_n >= 8)
			memcpy(args, &fh, sizeof(fh));
		/* sizes that fill the host's disk are not what is looked for */
		if (opcode == FUSE_FALLOCATE || opcode == FUSE_SYNCFS ||
			opcode == FUSE_COPY_FILE_RANGE)
			continue;
		one(f, opcode, node, args, args_n);
	}
}

static void save_and_restore(struct fuse *f, const uint8_t *data, size_t len)
{
	struct buf b = { 0 };
	struct span from;

	must(fuse_save(f, &b) == 0);
	fuse_reset(f);
	/* a few bytes are others */
	for (size_t i = 0; i + 1 < len && i < 8 && b.len; i += 2)
		b.data[data[i] % b.len] ^= (char)data[i + 1];
	from = (struct span){ (const uint8_t *)b.data, b.len };
	(void)fuse_restore(f, &from);
	buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char base[] = "/tmp/fuse-fuzz.XXXXXX", path[64], text[sizeof(MARK)] = "",
	     command[128];
	struct fuse_options o = {
		.squash = FUSE_NO_SQUASH, .attr_ms = 1000, .files_max = 200
	};
	struct fuse *f;
	int fd;

	must(mkdtemp(base));
	(void)snprintf(path, sizeof(path), "%s/outside", base);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, MARK, sizeof(MARK)) == sizeof(MARK));
	(void)snprintf(path, sizeof(path), "%s/root", base);
	must(mkdir(path, 0755) == 0);
	o.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(o.root >= 0 && symlinkat("../outside", o.root, "a") == 0 &&
		symlinkat("..", o.root, "b") == 0 && mkdirat(o.root, "d", 0755) == 0 &&
		mkfifoat(o.root, "p", 0600) == 0);
	f = fuse_new(&o, NULL);
	must(f);
	one(f, FUSE_LOOKUP, 1, "a", 2);
	requests(f, data, len);
	save_and_restore(f, data, len);
	requests(f, data, len);
	fuse_free(f);
	must(pread(fd, text, sizeof(text), 0) == sizeof(MARK) &&
		!memcmp(text, MARK, sizeof(MARK)));
	must(close(fd) == 0 && close(o.root) == 0);
	(void)snprintf(
		command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", base, base);
	must(system(command) == 0);
	return 0;
}
