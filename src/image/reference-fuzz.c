/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reference.h"

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever parses has one spelling, and that spelling means the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_reference struct reference ref = { 0 }, again = { 0 };
	auto_free char *text = strndup((const char *)data, len);
	struct err e = { 0 };

	if (!text || reference_parse(text, &ref, &e) < 0)
		return 0;
	if (ref.kind != REFERENCE_REGISTRY)
		return 0;
	if (reference_parse(ref.name, &again, &e) < 0 || !str_eq(ref.name, again.name))
		abort();
	if (strstr(ref.repo, "..") || ref.repo[0] == '/' ||
		(ref.digest && !digest_valid(ref.digest)))
		abort();
	reference_clear(&again);
	if (reference_parse_registry(reference_familiar(ref.name), &again, &e) < 0 ||
		!str_eq(ref.name, again.name))
		abort();
	(void)reference_is_loopback(ref.domain);
	return 0;
}
