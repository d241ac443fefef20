/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse-harness.c - mounts a directory by way of fuse.h and this machine's own kernel.
 *
 *	fuse-harness SOURCE TARGET [-s] [squash=ID] [attr=MS] [files=N] [threads=N]
 *
 * A test tool, not installed: what programs of every kind do to a file system comes to
 * fuse_serve() as it would from a guest, without a machine around it. Answers are put
 * together from many small segments, as a guest's pages would be. Needs root. SIGTERM
 * unmounts; -s says at the end what is held.
 */
#include "base/err.h"
#include "base/str.h"
#include "vmm/virtio/fuse-proto.h"
#include "vmm/virtio/fuse.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ROOM        ((1U << 20) + 4096)
#define SEGMENT     8192 /* 256 of which hold more than a request does */
#define THREADS_MAX 16

static struct fuse *served;
static const char *target;

struct worker {
	pthread_t thread;
	int fd;
	char *in, *out;
};

/* The header stands alone, as virtio-fs has it. */
static unsigned split(char *at, size_t len, size_t head, struct iovec *v)
{
	unsigned n = 0;

	while (len) {
		size_t part = n ? SEGMENT : head;

		part = part < len ? part : len;
		v[n++] = (struct iovec){ at, part };
		at += part;
		len -= part;
	}
	return n;
}

/* The kernel reads answers without a length of their own as errors. */
static void *serve(void *arg)
{
	struct worker *w = arg;
	struct iovec out[FUSE_SEGMENTS_MAX + 8], in[FUSE_SEGMENTS_MAX + 8];

	for (;;) {
		ssize_t n = read(w->fd, w->in, ROOM);
		size_t len;

		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (n < 0)
			return NULL;
		len = fuse_serve(served, out,
			split(w->in, (size_t)n, sizeof(struct fuse_in_header), out), in,
			split(w->out, ROOM, sizeof(struct fuse_out_header), in));
		if (len && write(w->fd, w->out, len) < 0 && errno != ENOENT)
			fprintf(stderr, "fuse-harness: answer of %zu bytes to %u: %s\n",
				len,
				((const struct fuse_in_header *)(const void *)w->in)
					->opcode,
				strerror(errno));
	}
}

static void stop(int sig)
{
	(void)sig;
	(void)umount2(target, MNT_DETACH);
}

static unsigned word(char **argv, const char *name, unsigned otherwise)
{
	size_t n = strlen(name);

	for (; *argv; argv++)
		if (!strncmp(*argv, name, n))
			return (unsigned)strtoul(*argv + n, NULL, 0);
	return otherwise;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct worker w[THREADS_MAX] = { 0 };
	struct fuse_counts c;
	struct err e = { 0 };
	char text[128];
	unsigned threads;
	int fd;

	if (argc < 3)
		return 2;
	target = argv[2];
	threads = word(argv + 3, "threads=", 2);
	if (threads < 1 || threads > THREADS_MAX)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	const struct fuse_options o = { .root = open(argv[1],
						O_PATH | O_DIRECTORY | O_CLOEXEC),
		.squash = word(argv + 3, "squash=", FUSE_NO_SQUASH),
		.attr_ms = word(argv + 3, "attr=", 1000),
		.files_max = word(argv + 3, "files=", 0) };
	served = fuse_new(&o, &e);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	(void)snprintf(text, sizeof(text),
		"fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_"
		"other",
		fd);
	if (!served || fd < 0 || mount("brig", target, "fuse", MS_NODEV, text) < 0) {
		fprintf(stderr, "fuse-harness: %s %s\n", e.msg, strerror(errno));
		return 1;
	}
	(void)signal(SIGTERM, stop);
	(void)signal(SIGINT, stop);
	for (unsigned i = 0; i < threads; i++) {
		w[i].fd = i ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : fd;
		w[i].in = malloc(ROOM);
		w[i].out = malloc(ROOM);
		if (i && ioctl(w[i].fd, FUSE_DEV_IOC_CLONE, &fd) < 0)
			return 1;
		if (pthread_create(&w[i].thread, NULL, serve, w + i))
			return 1;
	}
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(w[i].thread, NULL);
	fuse_count(served, &c);
	if (str_eq(argv[3], "-s"))
		printf("inodes %zu, handles %zu, directories open %zu, without name %zu, "
		       "lookups %llu\n",
			c.inodes, c.handles, c.dir_fds, c.orphans,
			(unsigned long long)c.lookups);
	fuse_free(served);
	for (unsigned i = 0; i < threads; i++) {
		free(w[i].in);
		free(w[i].out);
	}
	return 0;
}
