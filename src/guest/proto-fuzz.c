/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/proto.h"

#include "guest/exec.h"

#include <string.h>
#include <sys/wait.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void decode_exec(const uint8_t *data, size_t len)
{
	auto_buf struct buf again = { 0 };
	struct guest_exec x;

	if (guest_exec_decode(data, len, &x) < 0)
		return;
	/* What was understood is encoded to the same bytes. */
	if (guest_exec_encode(&x, &again, NULL) < 0 || again.len != len ||
		memcmp(again.data, data, len) != 0)
		abort();
	guest_exec_clear(&x);
}

static void decode_body(const struct wire_frame *f)
{
	struct guest_failed failed;
	struct guest_exited exited;
	struct guest_stats stats;
	struct guest_stop stop;
	uint16_t rows, cols;
	uint32_t a, b;

	(void)guest_check_from_warder(f);
	(void)guest_stats_decode(f, &stats);
	(void)guest_stop_decode(f, &stop);
	(void)guest_u32_decode(f, &a);
	(void)guest_pair_decode(f, &a, &b);
	(void)guest_winsize_decode(f, &rows, &cols);
	if (guest_failed_decode(f, &failed) == 0)
		for (const char *p = failed.what; *p; p++)
			if (*p > 0 && *p < 0x20)
				abort();
	if (guest_exited_decode(f, &exited) == 0 && !WIFEXITED(exited.status) &&
		!WIFSIGNALED(exited.status))
		abort();
}

/* Type, channel and flags, then a payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct wire_frame f;

	if (len < 3)
		return 0;
	f = (struct wire_frame){
		.type = data[0],
		.channel = data[1],
		.flags = data[2],
		.len = (uint32_t)(len - 3),
		.data = data + 3,
	};
	if (f.type == GUEST_EXEC)
		decode_exec(data + 3, len - 3);
	else if (f.len <= WIRE_PAYLOAD_MAX)
		decode_body(&f);
	return 0;
}
