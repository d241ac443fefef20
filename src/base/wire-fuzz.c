/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wire.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct wire_frame f;
	struct wire w;
	size_t at = 0, sum = 0;
	int p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0)
		return 0;
	wire_init(&w, p[0]);
	while (at < len) {
		size_t piece = 1 + data[at] * 37U;
		ssize_t n = write(p[1], data + at, piece < len - at ? piece : len - at);
		int r;

		if (n > 0)
			at += (size_t)n;
		if (wire_read(&w) != 1)
			break;
		while ((r = wire_next(&w, &f)) == 1)
			for (uint32_t i = 0; i < f.len; i++)
				sum += ((const uint8_t *)f.data)[i];
		if (r < 0)
			break;
	}
	(void)close(p[1]);
	wire_clear(&w);
	return sum == (size_t)-1;
}
