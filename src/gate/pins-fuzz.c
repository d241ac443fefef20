/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pins.h"

#include "base/auto.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool check(const char *name, void *data)
{
	char text[NAME_MAX_LEN + 1];

	(void)data;
	if (name_normalise(name, strlen(name), text) < 0 || strcmp(text, name) != 0)
		abort();
	return false;
}

/* The region holds the input, over and over; then it is used, left, and taken over anew. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_fd int fd = memfd_create("pins", MFD_CLOEXEC);
	struct address a = { 0 }, got[16];
	struct pins *p;

	if (fd < 0 || ftruncate(fd, (off_t)pins_size()) < 0 || len < sizeof(a.b))
		return 0;
	for (size_t at = 0, i = 0; at + len <= pins_size() && i < 16; at += len, i++)
		(void)!pwrite(fd, data, len, (off_t)at);
	memcpy(a.b, data, sizeof(a.b));
	for (int i = 0; i < 2; i++) {
		if (pins_open(fd, &p) < 0)
			abort();
		(void)pins_names(p, &a, 0, check, NULL);
		pins_add(p, &a, "name.example", data[0], 0);
		if (pins_addresses(p, "name.example", 0, got, 16) < 1)
			abort();
		(void)pins_names(p, &a, 0, check, NULL);
		pins_free(p);
	}
	return 0;
}
