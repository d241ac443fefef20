/* SPDX-License-Identifier: Apache-2.0 */
#include "image/unpack.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "image/hash.h"
#include "image/part.h"
#include "image/tar-feed.h"
#include "linux/idmap.h"

#include <archive.h>
#include <archive_entry.h>
#include <poll.h>
#include <sys/file.h>

#define CHUNK          ((size_t)1 << 18)
#define PIPE_SIZE      (1 << 20)
#define TURN_WAIT_NS   (30 * 60 * NS_PER_SEC)
#define RATIO_FREE     ((uint64_t)1 << 30) /* bytes that may come of however little */
#define RATIO_MAX      1100U /* beyond: deflate ends at 1032, so this is for zstd's bombs */
#define PROGRESS_EVERY ((uint64_t)4 << 20)

/* A jail's 'run': 'in' uncompressed to 'out'; which way it is packed shows in its bytes.
 */
static int decode(struct archive *a, int out, struct err *e)
{
	struct archive_entry *ae;
	const void *data;
	size_t len;
	int64_t at;
	int r = archive_read_next_header(a, &ae);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return tar_feed_failed(a, "the blob", e);
	while ((r = archive_read_data_block(a, &data, &len, &at)) == ARCHIVE_OK) {
		r = file_write_all(out, data, len);
		if (r < 0) {
			errno = -r;
			return err_sys(e, "pass the tar on");
		}
	}
	return r == ARCHIVE_EOF ? 0 : tar_feed_failed(a, "the blob", e);
}

static int decode_run(const struct jail *j, struct jail_result *res, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	(void)res;
	if (!a)
		return err_set(e, ENOMEM, "libarchive: out of memory");
	(void)archive_read_support_format_raw(a);
	(void)archive_read_support_format_empty(a);
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_zstd(a);
	r = archive_read_open_fd(a, j->in, 1 << 17) == ARCHIVE_OK
		? decode(a, j->out, e)
		: tar_feed_failed(a, "the blob", e);
	(void)archive_read_free(a);
	return r;
}

struct flow {
	const struct unpack *u;
	const struct image_layer *layer;
	size_t number;
	int blob;
	int from, to; /* ends of the two pipes */
	struct jail_child decoder, untar;
	uint64_t bytes;
	char digest[DIGEST_TEXT_MAX];
	struct jail_result made;
};

static int start_children(struct flow *f, int dir, struct err *e)
{
	int in[2], out[2], r;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	f->from = in[0];
	(void)fcntl(in[1], F_SETPIPE_SZ, PIPE_SIZE);
	struct jail decoder = {
		.dir = -1, .in = f->blob, .out = in[1], .run = decode_run
	};

	r = jail_start(&decoder, &f->decoder, e);
	(void)close(in[1]);
	if (r < 0)
		return r;
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	f->to = out[1];
	(void)fcntl(out[1], F_SETPIPE_SZ, PIPE_SIZE);
	struct jail untar = { .map = f->u->map,
		.dir = dir,
		.in = out[0],
		.out = -1,
		.run = untar_run,
		.arg = &f->u->limits };

	r = jail_start(&untar, &f->untar, e);
	(void)close(out[0]);
	return r;
}

static int check_bounds(struct flow *f, struct err *e)
{
	if (f->bytes > f->u->limits.bytes)
		return err_set(e, EFBIG, "it unpacks to more than the %llu bytes allowed",
			(unsigned long long)f->u->limits.bytes);
	if (f->bytes > RATIO_FREE && f->bytes / RATIO_MAX > f->layer->size)
		return err_set(e, EFBIG, "%llu bytes of it unpack to over %llu: a bomb",
			(unsigned long long)f->layer->size, (unsigned long long)f->bytes);
	return 0;
}

/* Pass the tar from one child to the other. A broken pipe is for the child to explain. */
static int pump(struct flow *f, struct err *e)
{
	auto_free char *chunk = malloc(CHUNK);
	auto_hash struct hash *h = NULL;
	uint64_t told = 0;
	int r = hash_new(f->layer->diff_id, &h, e);

	if (!chunk)
		return err_set(e, ENOMEM, "unpack: out of memory");
	while (r == 0) {
		ssize_t n = read(f->from, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		f->bytes += (uint64_t)n;
		r = hash_add(h, chunk, (size_t)n, e);
		if (r == 0)
			r = check_bounds(f, e);
		if (r == 0 && file_write_all(f->to, chunk, (size_t)n) < 0)
			break;
		if (f->u->progress && f->bytes - told >= PROGRESS_EVERY) {
			told = f->bytes;
			f->u->progress(f->u->data, f->number,
				(uint64_t)lseek(f->blob, 0, SEEK_CUR));
		}
	}
	(void)close(take_fd(&f->to));
	(void)close(take_fd(&f->from));
	return r < 0 ? r : hash_end(h, f->digest, e);
}

static int run_flow(struct flow *f, int dir, struct err *e)
{
	struct jail_result decoded;
	struct err why = { 0 };
	int r = start_children(f, dir, e), d;

	if (r == 0)
		r = pump(f, e);
	if (r < 0) {
		jail_kill(&f->untar);
		jail_kill(&f->decoder);
		return r;
	}
	/* the decoder first: when it fails, the untar only sees a tar that ends too
	 * early; but when the untar has given up, the decoder's complaint is a broken
	 * pipe */
	d = jail_wait(&f->decoder, &decoded, &why);
	r = jail_wait(&f->untar, &f->made, e);
	if (d < 0 && d != -EPIPE) {
		if (e)
			*e = why;
		return d;
	}
	if (r == 0 && !str_eq(f->digest, f->layer->diff_id)) {
		r = err_set(e, EBADMSG, "its tar has the digest %s, the image says %s",
			f->digest, f->layer->diff_id);
	}
	return r;
}

/* Root's layers belong to ids that its children are: they can't take the directory over.
 */
static int make_root(const struct unpack *u, const char *path, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (mkdirat(u->store->dir, path, 0755) < 0)
		return err_sys(e, "make directory '%s/%s'", u->store->path, path);
	if (geteuid() != 0 || u->map->single)
		return 0;
	if (!idmap_outside_uid(u->map, 0, &uid) || !idmap_outside_gid(u->map, 0, &gid))
		return err_set(e, EINVAL, "the map of ids has no root");
	return fchownat(u->store->dir, path, uid, gid, 0) < 0
		? err_sys(e, "own '%s'", path)
		: 0;
}

static int write_about(
	const struct unpack *u, const char *tmp, const struct flow *f, struct err *e)
{
	auto_free char *path = str_printf("%s/layer.json", tmp);
	auto_free char *text = str_printf("{\"diff_id\":\"%s\",\"digest\":\"%s\","
					  "\"bytes\":%llu,\"entries\":%llu}\n",
		f->layer->diff_id, f->layer->digest, (unsigned long long)f->made.bytes,
		(unsigned long long)f->made.entries);

	if (!path || !text)
		return err_set(e, ENOMEM, "unpack: out of memory");
	return file_replace(u->store->dir, path, text, strlen(text), 0644, 0, e);
}

static int remove_tmp(const struct unpack *u, const char *tmp)
{
	struct strv paths = { 0 };
	struct err why = { 0 };
	int r = strv_add(&paths, tmp);

	if (r == 0)
		r = store_remove_trees(u->store, &paths, u->map, &why);
	strv_clear(&paths);
	return r;
}

/* A child in the layer's directory makes it its own: for an ordinary user only that can.
 */
static int fill(struct flow *f, const char *tmp, struct err *e)
{
	auto_free char *root = str_printf("%s/d", tmp);
	auto_fd int dir = -1;
	int r;

	if (!root)
		return err_set(e, ENOMEM, "unpack: out of memory");
	if (mkdirat(f->u->store->dir, tmp, 0755) < 0 ||
		fchmodat(f->u->store->dir, tmp, 0755, 0) < 0)
		return err_sys(e, "make directory '%s/%s'", f->u->store->path, tmp);
	r = make_root(f->u, root, e);
	if (r < 0)
		return r;
	dir = openat(f->u->store->dir, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open '%s/%s'", f->u->store->path, root);
	r = run_flow(f, dir, e);
	if (r < 0)
		return r;
	r = write_about(f->u, tmp, f, e);
	/* a power cut mustn't leave a layer whose files are empty */
	if (r == 0 && syncfs(dir) < 0)
		r = err_sys(e, "write '%s/%s'", f->u->store->path, tmp);
	return r;
}

/* The blob was right when it came; is it the disk that is at fault? */
static int suspect_blob(struct flow *f, int r, struct err *e)
{
	char got[DIGEST_TEXT_MAX], path[DIGEST_PATH_MAX];

	if (r != -EBADMSG || lseek(f->blob, 0, SEEK_SET) != 0 ||
		hash_file(f->blob, f->layer->digest, got, NULL, NULL) < 0 ||
		str_eq(got, f->layer->digest))
		return r;
	(void)unlinkat(f->u->store->dir, digest_path(f->layer->digest, path), 0);
	err_set(e, EBADMSG, "its blob was damaged on the disk and has been removed");
	err_hint(e, "pull the image again");
	return -EBADMSG;
}

/* The folder's name is 64 bits of a digest: is it really this layer? */
static int check_existing(const struct unpack *u, const char *path,
	const struct image_layer *layer, struct err *e)
{
	auto_free char *about = str_printf("%s/layer.json", path);
	auto_json struct json *j = NULL;
	int r = about ? json_load(u->store->dir, about, 4096, &j, e)
		      : err_set(e, ENOMEM, "unpack: out of memory");

	if (r == 0 && !str_eq(json_get_str(j, "diff_id"), layer->diff_id))
		r = err_set(e, EEXIST, "another layer has the folder '%s'", path);
	return r;
}

static int unpack_layer(
	const struct unpack *u, const struct image *img, size_t i, struct err *e)
{
	struct flow f = { .u = u,
		.layer = image_layer(img, i),
		.number = i,
		.from = -1,
		.to = -1,
		.decoder = { -1, -1 },
		.untar = { -1, -1 } };
	char name[STORE_LAYER_MAX];
	auto_free char *tmp = NULL, *final = NULL, *folder = NULL;
	auto_fd int blob = -1;
	int r;

	store_layer_name(f.layer->diff_id, name);
	tmp = str_printf("tmp/layer-%s-%s", u->tag, name);
	folder = str_printf("layers/%s", u->tag);
	final = str_printf("layers/%s/%s", u->tag, name);
	if (!tmp || !final || !folder)
		return err_set(e, ENOMEM, "unpack: out of memory");
	if (faccessat(u->store->dir, final, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return check_existing(u, final, f.layer, e);
	if (mkdirat(u->store->dir, folder, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '%s/%s'", u->store->path, folder);
	if (fchmodat(u->store->dir, folder, 0755, 0) < 0)
		return err_sys(e, "mode of '%s/%s'", u->store->path, folder);
	blob = f.blob = blob_open(u->store, f.layer->digest, e);
	if (blob < 0)
		return blob;
	(void)remove_tmp(u, tmp); /* of a process that was killed */
	r = fill(&f, tmp, e);
	if (f.from >= 0)
		(void)close(f.from);
	if (f.to >= 0)
		(void)close(f.to);
	if (r == 0 && renameat(u->store->dir, tmp, u->store->dir, final) < 0)
		r = err_sys(e, "write '%s/%s'", u->store->path, final);
	if (r < 0)
		(void)remove_tmp(u, tmp);
	return r < 0 ? suspect_blob(&f, r, e) : 0;
}

/* One process at a time unpacks: the disk is the limit, and locks a layer could meet
 * crosswise. */
static int take_turn(struct store *s, struct err *e)
{
	uint64_t until = clock_mono_ns() + TURN_WAIT_NS;
	auto_fd int fd =
		openat(s->dir, "unpack-lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "open '%s/unpack-lock'", s->path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock '%s/unpack-lock'", s->path);
		if (clock_mono_ns() > until)
			return err_set(e, EBUSY,
				"waited 30 minutes for another process that unpacks an "
				"image");
		(void)poll(NULL, 0, 50);
	}
	return take_fd(&fd);
}

int unpack_image(const struct unpack *u, const struct image *img, struct err *e)
{
	auto_fd int turn = take_turn(u->store, e);
	char id[DIGEST_SHORT_MAX];

	if (turn < 0)
		return turn;
	for (size_t i = 0; i < img->layers.n; i++) {
		const struct image_layer *layer = image_layer(img, i);
		int r = unpack_layer(u, img, i, e);

		if (r < 0)
			return err_wrap(e, "layer %s", digest_short(layer->digest, id));
		if (u->progress)
			u->progress(u->data, i, layer->size);
	}
	return 0;
}
