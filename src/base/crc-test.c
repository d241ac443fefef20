/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc.h"

#include "base/test.h"

#include <string.h>

TEST(the_vectors_of_rfc_3720_come_out)
{
	uint8_t bytes[32] = { 0 };

	expect(crc32c(0, bytes, 32) == 0x8a9136aaU);
	memset(bytes, 0xff, 32);
	expect(crc32c(0, bytes, 32) == 0x62a8ab43U);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	expect(crc32c(0, bytes, 32) == 0x46dd794eU);
	expect(crc32c(0, "123456789", 9) == 0xe3069283U);
	expect(crc32c(0, "", 0) == 0);
}

TEST(in_pieces_it_is_the_same)
{
	const char text[] = "a snapshot is a file that somebody kept";

	for (size_t cut = 0; cut <= strlen(text); cut++)
		expect(crc32c(crc32c(0, text, cut), text + cut, strlen(text) - cut) ==
			crc32c(0, text, strlen(text)));
}
