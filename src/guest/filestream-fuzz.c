/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/filestream.h"

#include "base/file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct reader {
	const uint8_t *at;
	size_t left;
};

static ssize_t read_some(void *data, void *into, size_t len)
{
	struct reader *r = data;
	size_t n = r->left < len ? r->left : len;

	if (n)
		memcpy(into, r->at, n);
	r->at += n;
	r->left -= n;
	return (ssize_t)n;
}

/* Into a directory between a file and a link that must both stay as they are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader reader = { data, len };
	const struct files_source src = { read_some, &reader };
	char dir[] = "/tmp/brig-fuzz-XXXXXX";
	struct files_count n;
	struct stat st;

	if (!mkdtemp(dir))
		return 0;
	auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct files_dest dest = {
		.dirfd = fd,
		.path = len % 2 ? "in" : "in/new",
		.max_entries = 200,
		.max_bytes = 1 << 20,
		.max_file = 1 << 20,
	};

	if (fd < 0 || mkdirat(fd, "in", 0700) < 0 || mkdirat(fd, "victim", 0500) < 0 ||
		symlinkat("../victim", fd, "in/a") < 0)
		abort();
	(void)files_unpack(&src, &dest, &n, NULL);
	if (fstatat(fd, "victim", &st, 0) < 0 || st.st_nlink != 2 ||
		(st.st_mode & 0777) != 0500 || unlinkat(fd, "victim", AT_REMOVEDIR) < 0)
		abort();
	if (file_remove_tree(AT_FDCWD, dir, NULL) < 0)
		abort();
	return 0;
}
