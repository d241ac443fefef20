/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include "base/err.h"
#include "image/digest.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The bytes up to the first newline are the manifest or index, the rest is a
 * configuration. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_manifest struct manifest m = { 0 };
	auto_image struct image img = { 0 };
	const char *text = (const char *)data;
	const char *line = len ? memchr(text, '\n', len) : NULL;
	size_t first = line ? (size_t)(line - text) : len;
	const struct manifest_entry *en;
	struct platform p;
	struct err e = { 0 };

	if (manifest_parse(text, first, "fuzz", &m, &e) < 0)
		return 0;
	for (size_t i = 0; i < m.layers.n; i++)
		if (!digest_valid(manifest_layer(&m, i)->digest))
			abort();
	platform_host(&p);
	if (m.is_index)
		(void)manifest_choose(&m, &p, &en, &e);
	else if (line &&
		manifest_read_config(line + 1, len - first - 1, &m, &img, &e) == 0 &&
		img.layers.n != m.layers.n)
		abort();
	return 0;
}
