/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-main.c - runs a fuzz target over files and directories of seeds, without libFuzzer.
 *
 * So that every build, and the sanitizers, see every seed; with -Dfuzz=true clang's own
 * driver takes this file's place.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t ran;

static int run_file(const char *path)
{
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	if (file_read(AT_FDCWD, path, 16 << 20, &b, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	/* a copy of just this size, so that a read past the end is seen */
	auto_free uint8_t *exact = malloc(b.len ? b.len : 1);

	if (!exact)
		return 1;
	if (b.len)
		memcpy(exact, b.data, b.len);
	(void)LLVMFuzzerTestOneInput(exact, b.len);
	ran++;
	return 0;
}

static int run_path(const char *path)
{
	DIR *dir = opendir(path);
	int bad = 0;

	if (!dir)
		return run_file(path);
	for (struct dirent *d; (d = readdir(dir));) {
		auto_free char *file = str_printf("%s/%s", path, d->d_name);

		if (d->d_name[0] != '.' && file)
			bad |= run_file(file);
	}
	(void)closedir(dir);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= run_path(argv[i]);
	if (!ran)
		bad = 1;
	printf("1..1\n%sok 1 %zu seeds\n", bad ? "not " : "", ran);
	return bad;
}
