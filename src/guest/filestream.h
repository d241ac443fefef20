/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filestream.h - files as a stream of bytes, for 'brig cp' in both directions.
 *
 * The stream is a magic, one entry and an end. An entry is a header and a name of one
 * component, so no path ever crosses: a directory holds the entries up to its UP, a file
 * its data in chunks, a link its target. Kept are permission bits, mtime and holes. Hard
 * links become copies; sockets, FIFOs and devices are left out and counted.
 * Everything here blocks.
 */
#ifndef BRIG_GUEST_FILESTREAM_H
#define BRIG_GUEST_FILESTREAM_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILES_DEPTH_MAX   200U                 /* directories in each other */
#define FILES_ENTRIES_MAX ((uint64_t)16 << 20) /* of one stream, unless set otherwise */
#define FILES_SIZE_MAX    ((uint64_t)1 << 43)  /* of one file, holes included */

struct files_sink {
	int (*write)(
		void *data, const void *bytes, size_t len); /* all of it: 0 or -errno */
	void *data;
};

struct files_source {
	ssize_t (*read)(
		void *data, void *into, size_t len); /* >0, 0 at the end, -errno */
	void *data;
};

/* Sink and source on the descriptor that 'fd' points to. */
struct files_sink files_sink_fd(const int *fd);
struct files_source files_source_fd(const int *fd);

struct files_count {
	uint64_t files, dirs, links, bytes;
	uint64_t skipped;   /* sockets, FIFOs, devices */
	uint64_t failed;    /* could not be read by the sender, or changed under it */
	uint64_t links_out; /* unpacked links that lead out of what was unpacked */
	struct err problem; /* the first of 'failed', on the sender's side */
};

#define FILES_FOLLOW  1U /* follow a symbolic link that is the path itself */
#define FILES_BENEATH 2U /* no link may lead 'path' out of 'dirfd'; it is relative */

/* openat(2) of such a path: a descriptor, or -1 with errno. */
int files_openat(int dirfd, const char *path, unsigned flags, int how);

/*
 * Write 'path' (file, link or directory) and all beneath it into the sink. As with
 * 'docker cp', "/." at the end means the contents, a "/" at the end follows a link.
 *
 * Should:  go on past what can't be read and count it; fail when 'path' itself can't.
 * Mustn't: follow a link beneath 'path', block on a FIFO, promise a size it can't keep.
 */
int files_pack(int dirfd, const char *path, unsigned flags, const struct files_sink *sink,
	struct files_count *ret, struct err *e);

struct files_dest {
	int dirfd;
	const char *path; /* relative to dirfd; the user's word, links in its parents are
			     followed */
	unsigned flags;   /* FILES_FOLLOW: 'path' may be a link to a directory */
	uint64_t max_entries, max_bytes,
		max_file; /* 0: the bounds above, no bound for bytes */
};

/*
 * Unpack a stream to where 'docker cp' would put it: into 'path' when that is a directory
 * (the contents, if the sender's path ended in "/."), else as 'path'.
 *
 * Should:  replace files by rename, so that each is old or new; keep what is complete
 * when the stream breaks; say -EPROTO for a stream that lies. Mustn't: write through a
 * link, out of 'path', or into what a file's hard links share; make devices or set-id
 * bits; trust a size, a depth or a count.
 */
int files_unpack(const struct files_source *src, const struct files_dest *dest,
	struct files_count *ret, struct err *e);

/* The format, for the two above. */
#define FILES_MAGIC     "BRIGFS1\n"
#define FILES_MAGIC_LEN 8U
#define FILES_HEADER    28U
#define FILES_END_LEN   16U /* after the last header: u64 skipped, u64 failed */
#define FILES_CONTENTS  1U  /* flag of the first entry: the path ended in "/." */
#define FILES_CHUNK_HOLE \
	0x80000000U /* u32 before each chunk: length, this bit for a hole */
#define FILES_CHUNK_BAD 0x80000000U /* a hole of nothing: the file is to be dropped */
#define FILES_CHUNK_MAX 65536U
#define FILES_HOLE_MAX  0x40000000U

enum files_type {
	FILES_DIR = 'D',
	FILES_FILE = 'F',
	FILES_LINK = 'L', /* 'size' bytes of target follow the name */
	FILES_UP = 'U',
	FILES_END = 'E',
};

struct files_entry { /* on the wire: u8 u8 u16 name_len u32 mode s64 sec u32 nsec u64 size
		      */
	uint8_t type, flags;
	uint32_t mode; /* 0..0777 */
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size; /* files: a hint */
	char name[256];
};

#endif
