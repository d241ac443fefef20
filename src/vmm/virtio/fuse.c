/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse.c - requests: taken apart, handed to who does them, answered.
 */
#include "vmm/virtio/fuse-priv.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/path.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>

/* Arguments other than contents: two names, or a name and a link's target, behind a struct. */
#define ARGS_SMALL 4608
#define ARGS_MAX   (sizeof(struct fuse_setxattr_in) + XATTR_NAME_MAX + 1 + XATTR_SIZE_MAX)
#define FILES_FEW  64

enum {
	NODE = 1,     /* has an inode */
	AT = 2,       /* and a descriptor of it */
	DIR = 4 | AT, /* which is a directory's */
	NAMES = 8,    /* uses names */
	MOVES = 16,   /* changes several at once */
	EARLY = 32,   /* may come before INIT */
	LONG = 64,    /* arguments of any length */
	DATA = 128,   /* what follows the struct is not copied */
};

struct op {
	int (*serve)(struct fuse_request *r);
	uint16_t args, reply; /* bytes at least */
	uint16_t how;
};

#define IN(name_)  sizeof(struct fuse_##name_##_in)
#define OUT(name_) sizeof(struct fuse_##name_##_out)

static const struct op ops[] = {
	[FUSE_LOOKUP] = { fuse_lookup, 1, OUT(entry), NODE | DIR | NAMES },
	[FUSE_FORGET] = { fuse_forget, IN(forget), 0, 0 },
	[FUSE_GETATTR] = { fuse_getattr, IN(getattr), OUT(attr), NODE | NAMES },
	[FUSE_SETATTR] = { fuse_setattr, IN(setattr), OUT(attr), NODE | NAMES },
	[FUSE_READLINK] = { fuse_readlink, 0, 0, NODE | AT | NAMES },
	[FUSE_SYMLINK] = { fuse_symlink, 1, OUT(entry), NODE | DIR | NAMES },
	[FUSE_MKNOD] = { fuse_mknod, IN(mknod), OUT(entry), NODE | DIR | NAMES },
	[FUSE_MKDIR] = { fuse_mkdir, IN(mkdir), OUT(entry), NODE | DIR | NAMES },
	[FUSE_UNLINK] = { fuse_unlink, 1, 0, NODE | DIR | NAMES },
	[FUSE_RMDIR] = { fuse_rmdir, 1, 0, NODE | DIR | NAMES },
	[FUSE_RENAME] = { fuse_rename, IN(rename), 0, NODE | DIR | NAMES | MOVES },
	[FUSE_LINK] = { fuse_link, IN(link), OUT(entry), NODE | DIR | NAMES },
	[FUSE_OPEN] = { fuse_open, IN(open), OUT(open), NODE | NAMES },
	[FUSE_READ] = { fuse_read, IN(read), 0, 0 },
	[FUSE_WRITE] = { fuse_write, IN(write), OUT(write), DATA },
	[FUSE_STATFS] = { fuse_statfs, 0, OUT(statfs), NODE | AT | NAMES },
	[FUSE_RELEASE] = { fuse_release, IN(release), 0, 0 },
	[FUSE_FSYNC] = { fuse_fsync, IN(fsync), 0, 0 },
	[FUSE_SETXATTR] = { fuse_setxattr, IN(setxattr), 0, NODE | NAMES | LONG },
	[FUSE_GETXATTR] = { fuse_getxattr, IN(getxattr), 0, NODE | NAMES },
	[FUSE_LISTXATTR] = { fuse_listxattr, IN(getxattr), 0, NODE | NAMES },
	[FUSE_REMOVEXATTR] = { fuse_removexattr, 1, 0, NODE | NAMES },
	[FUSE_FLUSH] = { fuse_flush, IN(flush), 0, 0 },
	[FUSE_INIT] = { fuse_init, offsetof(struct fuse_init_in, flags2),
		FUSE_COMPAT_22_INIT_OUT_SIZE, EARLY },
	[FUSE_OPENDIR] = { fuse_opendir, IN(open), OUT(open), NODE | NAMES },
	[FUSE_READDIR] = { fuse_readdir, IN(read), 0, NODE },
	[FUSE_RELEASEDIR] = { fuse_release, IN(release), 0, 0 },
	[FUSE_FSYNCDIR] = { fuse_fsync, IN(fsync), 0, 0 },
	[FUSE_CREATE] = { fuse_create, IN(create), OUT(entry) + OUT(open),
		NODE | DIR | NAMES },
	[FUSE_INTERRUPT] = { fuse_interrupt, 0, 0, EARLY },
	[FUSE_DESTROY] = { fuse_destroy, 0, 0, EARLY },
	[FUSE_BATCH_FORGET] = { fuse_batch_forget, IN(batch_forget), 0, DATA },
	[FUSE_FALLOCATE] = { fuse_fallocate, IN(fallocate), 0, 0 },
	[FUSE_READDIRPLUS] = { fuse_readdirplus, IN(read), 0, NODE | NAMES },
	[FUSE_RENAME2] = { fuse_rename2, IN(rename2), 0, NODE | DIR | NAMES | MOVES },
	[FUSE_LSEEK] = { fuse_lseek, IN(lseek), OUT(lseek), 0 },
	[FUSE_COPY_FILE_RANGE] = { fuse_copy, IN(copy_file_range), OUT(write), 0 },
	[FUSE_SYNCFS] = { fuse_syncfs, IN(syncfs), 0, NODE },
	[FUSE_TMPFILE] = { fuse_tmpfile, IN(create), OUT(entry) + OUT(open),
		NODE | DIR | NAMES },
	[FUSE_STATX] = { fuse_statx, IN(statx), OUT(statx), NODE | NAMES },
};

unsigned fuse_slice(const struct iovec *v, unsigned n, size_t at, size_t len,
	struct iovec ret[FUSE_SEGMENTS_MAX])
{
	unsigned got = 0;

	for (unsigned i = 0; i < n && len && got < FUSE_SEGMENTS_MAX; i++) {
		size_t part = v[i].iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		part = part < len ? part : len;
		ret[got++] = (struct iovec){ (char *)v[i].iov_base + at, part };
		at = 0;
		len -= part;
	}
	return got;
}

size_t fuse_copy_from(const struct iovec *v, unsigned n, size_t at, void *to, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t part = v[i].iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		part = part < len - done ? part : len - done;
		memcpy((char *)to + done, (const char *)v[i].iov_base + at, part);
		done += part;
		at = 0;
	}
	return done;
}

size_t fuse_copy_to(
	const struct iovec *v, unsigned n, size_t at, const void *from, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t part = v[i].iov_len;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		part = part < len - done ? part : len - done;
		memcpy((char *)v[i].iov_base + at, (const char *)from + done, part);
		done += part;
		at = 0;
	}
	return done;
}

static size_t length_of(const struct iovec *v, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += v[i].iov_len;
	return len;
}

int fuse_reply(struct fuse_request *r, const void *body, size_t len)
{
	if (len > r->room)
		return -EINVAL;
	r->wrote =
		fuse_copy_to(r->to, r->to_n, sizeof(struct fuse_out_header), body, len);
	return 0;
}

const char *fuse_text(struct fuse_request *r, size_t *at)
{
	const char *text = (const char *)r->args + *at;
	const char *end = *at < r->args_len ? memchr(text, 0, r->args_len - *at) : NULL;

	if (!end)
		return NULL;
	*at += (size_t)(end - text) + 1;
	return text;
}

int fuse_name(struct fuse_request *r, size_t *at, const char **ret)
{
	*ret = fuse_text(r, at);
	if (!*ret)
		return -EINVAL;
	if (path_is_name(*ret))
		return 0;
	return strlen(*ret) > NAME_MAX ? -ENAMETOOLONG : -EINVAL;
}

static int with_node(struct fuse_request *r, const struct op *op)
{
	struct fuse *f = r->f;
	int n = 0;

	if (op->how & NODE) {
		r->node = fuse_inode_get(f, r->in.nodeid);
		if (!r->node)
			return -ESTALE;
	}
	if ((op->how & DIR) == DIR && r->node->type != S_IFDIR)
		n = -ENOTDIR;
	else if (op->how & AT)
		n = fuse_fd_get(f, r->node, &r->at);
	if (n == 0) {
		n = op->serve(r);
		fuse_fd_put(f, &r->at);
	}
	fuse_put_inode(f, &r->node);
	return n;
}

static int serve(struct fuse_request *r, const struct op *op)
{
	int n;

	if (!r->f->ready && !(op->how & EARLY))
		return -EIO;
	if (r->args_len < op->args || r->room < op->reply)
		return -EINVAL;
	if (!(op->how & NAMES))
		return with_node(r, op);
	if (op->how & MOVES)
		(void)pthread_rwlock_wrlock(&r->f->tree);
	else
		(void)pthread_rwlock_rdlock(&r->f->tree);
	n = with_node(r, op);
	(void)pthread_rwlock_unlock(&r->f->tree);
	return n;
}

/* Only forgetting has no answer, and an interrupt. */
static bool is_silent(uint32_t opcode)
{
	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET ||
		opcode == FUSE_INTERRUPT;
}

static int take_args(
	struct fuse_request *r, uint8_t small[ARGS_SMALL], uint8_t **ret_large)
{
	uint32_t opcode = r->in.opcode;
	const struct op *op = opcode < sizeof(ops) / sizeof(*ops) && ops[opcode].serve
		? ops + opcode
		: NULL;
	size_t len = r->out_len - sizeof(r->in), ext = r->in.total_extlen * (size_t)8;
	uint8_t *to = small;

	if (!op)
		return -ENOSYS;
	if (r->in.len < sizeof(r->in) || r->in.len > r->out_len ||
		ext > r->in.len - sizeof(r->in))
		return -EINVAL;
	r->out_len = r->in.len;
	len = r->out_len - sizeof(r->in) - ext;
	if (op->how & DATA)
		len = len < op->args ? len : op->args;
	if (len > ARGS_SMALL) {
		if (!(op->how & LONG) || len > ARGS_MAX)
			return -ENAMETOOLONG;
		to = *ret_large = malloc(len);
		if (!to)
			return -ENOMEM;
	}
	r->args = to;
	r->args_len = fuse_copy_from(r->out, r->out_n, sizeof(r->in), to, len);
	return serve(r, op);
}

size_t fuse_serve(struct fuse *f, const struct iovec *out, unsigned out_n,
	const struct iovec *in, unsigned in_n)
{
	struct fuse_request r = {
		.f = f, .out = out, .out_n = out_n, .to = in, .to_n = in_n
	};
	struct fuse_out_header header;
	uint8_t small[ARGS_SMALL];
	auto_free uint8_t *large = NULL;
	size_t room = length_of(in, in_n);
	int n;

	r.at.fd = -1;
	r.out_len = length_of(out, out_n);
	if (r.out_len < sizeof(r.in))
		return 0;
	(void)fuse_copy_from(out, out_n, 0, &r.in, sizeof(r.in));
	r.silent = is_silent(r.in.opcode);
	if (!r.silent && room < sizeof(header))
		return 0;
	r.room = r.silent ? 0 : room - sizeof(header);
	n = take_args(&r, small, &large);
	if (r.silent)
		return 0;
	if (n < 0)
		r.wrote = 0;
	header = (struct fuse_out_header){ .len = (uint32_t)(sizeof(header) + r.wrote),
		.error = n,
		.unique = r.in.unique };
	(void)fuse_copy_to(in, in_n, 0, &header, sizeof(header));
	return header.len;
}

static uint64_t wanted(const struct fuse *f)
{
	return FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
		FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
		FUSE_PARALLEL_DIROPS | FUSE_ASYNC_DIO | FUSE_MAX_PAGES |
		FUSE_CACHE_SYMLINKS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT |
		FUSE_INIT_EXT | (f->o.submounts ? FUSE_SUBMOUNTS : 0);
}

int fuse_init(struct fuse_request *r)
{
	struct fuse *f = r->f;
	struct fuse_init_in in = { 0 };
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_PROTO_MINOR,
		.max_background = 256,
		.congestion_threshold = 192,
		.max_write = FUSE_MAX_WRITE,
		.time_gran = 1,
		.max_pages = FUSE_PAGES };
	uint64_t flags;

	memcpy(&in, r->args, r->args_len < sizeof(in) ? r->args_len : sizeof(in));
	/* a newer client asks again with what it is told here */
	if (in.major > FUSE_KERNEL_VERSION)
		return fuse_reply(r, &out,
			r->room < sizeof(out) ? FUSE_COMPAT_22_INIT_OUT_SIZE
					      : sizeof(out));
	if (in.major < FUSE_KERNEL_VERSION || in.minor < FUSE_PROTO_MINOR_MIN ||
		r->room < sizeof(out))
		return -EPROTO;
	if (!(in.flags & FUSE_INIT_EXT))
		in.flags2 = 0;
	flags = ((uint64_t)in.flags2 << 32 | in.flags) & wanted(f);
	/* programs count on what it does: a client without it would leave set-id bits alone */
	if (!(flags & FUSE_HANDLE_KILLPRIV_V2) || !(flags & FUSE_MAX_PAGES))
		return -EPROTO;
	out.minor = in.minor < FUSE_PROTO_MINOR ? in.minor : FUSE_PROTO_MINOR;
	out.max_readahead =
		in.max_readahead < FUSE_MAX_WRITE ? in.max_readahead : FUSE_MAX_WRITE;
	out.flags = (uint32_t)flags;
	out.flags2 = (uint32_t)(flags >> 32);
	fuse_lock(f);
	if (f->ready || !f->root) {
		fuse_unlock(f);
		return -EEXIST;
	}
	f->submounts = flags & FUSE_SUBMOUNTS;
	f->setxattr_ext = flags & FUSE_SETXATTR_EXT;
	f->ready = true;
	fuse_unlock(f);
	return fuse_reply(r, &out, sizeof(out));
}

/* The ids of all that is in a table; NULL without memory, or where there is nothing. */
static uint64_t *ids_of(
	struct fuse *f, const struct fuse_hash *h, bool handles, size_t *ret_n)
{
	uint64_t *ids;
	size_t n = 0;

	fuse_lock(f);
	ids = calloc(h->n ? h->n : 1, sizeof(*ids));
	for (size_t s = 0; ids && s < h->size; s++)
		for (struct fuse_link *l = h->slot[s]; l; l = l->next) {
			/* both begin with the link, the id and, of handles, the inode */
			const struct fuse_handle *as_handle = (const void *)l;
			const struct fuse_inode *as_inode = (const void *)l;

			ids[n++] = handles ? as_handle->id : as_inode->id;
		}
	fuse_unlock(f);
	*ret_n = n;
	return ids;
}

/* The client forgets everything by that: the next it says is INIT. Requests may be in work. */
int fuse_destroy(struct fuse_request *r)
{
	struct fuse *f = r->f;
	size_t handles_n = 0, n = 0;
	auto_free uint64_t *handles = ids_of(f, &f->handles, true, &handles_n);
	auto_free uint64_t *inodes = ids_of(f, &f->ids, false, &n);

	f->ready = false;
	for (size_t i = 0; i < handles_n; i++)
		fuse_handle_drop(f, handles[i]);
	for (size_t i = 0; i < n; i++)
		fuse_inode_forget(f, inodes[i], UINT64_MAX);
	return 0;
}

/* Nothing waits here but for the host's disk. */
int fuse_interrupt(struct fuse_request *r)
{
	(void)r;
	return 0;
}

static unsigned share(unsigned files, unsigned part, unsigned least, unsigned most)
{
	unsigned n = files / part;

	return n < least ? least : n > most ? most : n;
}

static void set_limits(struct fuse *f)
{
	struct rlimit limit;
	unsigned files = f->o.files_max;

	if (!files)
		files = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024
			: limit.rlim_cur > INT_MAX           ? INT_MAX
							     : (unsigned)limit.rlim_cur;
	files = files > FILES_FEW ? files - FILES_FEW : 0;
	f->dirs.max = share(files, 4, 8, 4096);
	f->orphans.max = share(files, 8, 4, 4096);
	f->handles_max = share(files, 2, 16, 1U << 20);
	if (!f->o.inodes_max)
		f->o.inodes_max = FUSE_INODES_DEFAULT;
}

struct fuse *fuse_new(const struct fuse_options *o, struct err *e)
{
	struct fuse *f = calloc(1, sizeof(*f));
	pthread_rwlockattr_t attr;
	int r;

	if (!f) {
		(void)err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	f->o = *o;
	f->uid = geteuid();
	f->gid = getegid();
	f->can_link = -1;
	f->no_chmod = !host_has_chmod();
	set_limits(f);
	(void)umask(0);
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_rwlockattr_init(&attr);
	/* who renames waits for what is in work, not for what comes after it */
	(void)pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&f->tree, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	r = fuse_inodes_begin(f);
	if (r < 0) {
		(void)err_set(e, -r, "the shared directory: %s", err_text(-r));
		fuse_free(f);
		return NULL;
	}
	return f;
}

void fuse_reset(struct fuse *f)
{
	fuse_handles_clear(f);
	fuse_inodes_clear(f);
	f->ready = false;
	(void)fuse_inodes_begin(f);
}

void fuse_free(struct fuse *f)
{
	if (!f)
		return;
	fuse_handles_clear(f);
	fuse_inodes_clear(f);
	(void)pthread_rwlock_destroy(&f->tree);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

void fuse_count(struct fuse *f, struct fuse_counts *ret)
{
	*ret = (struct fuse_counts){ 0 };
	fuse_lock(f);
	ret->inodes = f->ids.n;
	ret->handles = f->handles.n;
	ret->dir_fds = f->dirs.n;
	ret->orphans = f->orphans.n;
	for (size_t s = 0; s < f->ids.size; s++)
		for (struct fuse_link *l = f->ids.slot[s]; l; l = l->next)
			ret->lookups += ((struct fuse_inode *)(void *)l)->lookups;
	fuse_unlock(f);
}
