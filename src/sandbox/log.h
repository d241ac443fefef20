/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what a sandbox's main command printed, kept for `brig logs`.
 *
 * The format is that of Kubernetes' CRI (kubernetes/design-proposals-archive,
 * node/kubelet-cri-logging.md): "TIME STREAM TAG TEXT\n" with TAG F for a line that ended
 * and P for a piece of one. Two files, "log" and the older "log.1", of at most LOG_MAX
 * bytes.
 */
#ifndef BRIG_SANDBOX_LOG_H
#define BRIG_SANDBOX_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define LOG_MAX ((uint64_t)16 << 20)

struct log {
	int dir; /* borrowed */
	int fd;
	uint64_t size;
	bool failed; /* the disk is full: output goes on, the log doesn't */
};

int log_open(struct log *l, int dir, struct err *e);

/* Append output of one stream ("stdout", "stderr"); cuts it into lines. */
void log_write(struct log *l, const char *stream, const void *data, size_t len);
void log_close(struct log *l);

/* One line of the file; pointers into the text. False when it is none. */
struct log_line {
	const char *time, *text;
	size_t time_len, text_len;
	bool is_stderr;
	bool partial;
};
bool log_parse(const char *line, size_t len, struct log_line *ret);

#endif
