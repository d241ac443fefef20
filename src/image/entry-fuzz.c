/* SPDX-License-Identifier: Apache-2.0 */
#include "image/entry.h"

#include "base/err.h"
#include "base/str.h"

#include <archive.h>
#include <archive_entry.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A path that passed the rules stays beneath the layer, whatever it was. */
static void check(const char *path)
{
	if (*path == '/' || str_eq(path, "..") || str_starts(path, "../") ||
		strstr(path, "/../") || str_ends(path, "/..") || strstr(path, "//") ||
		str_ends(path, "/"))
		abort();
}

/* The bytes are a tar, packed or not, read as a layer is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct entry_plan plan;
	struct archive *a = archive_read_new();
	struct archive_entry *ae;

	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_format_empty(a);
	(void)archive_read_support_filter_gzip(a);
	(void)archive_read_support_filter_zstd(a);
	if (archive_read_open_memory(a, data, len) == ARCHIVE_OK) {
		for (int i = 0; i < 10000; i++) {
			int r = archive_read_next_header(a, &ae);

			if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
				break;
			struct entry in = { .name = archive_entry_pathname(ae),
				.symlink = archive_entry_symlink(ae),
				.hardlink = archive_entry_hardlink(ae),
				.type = archive_entry_filetype(ae) };
			struct err e = { 0 };

			if (entry_decide(&in, &plan, &e) < 0)
				continue;
			check(plan.path);
			if (plan.verb == ENTRY_HARDLINK)
				check(plan.target);
		}
	}
	(void)archive_read_free(a);
	return 0;
}
