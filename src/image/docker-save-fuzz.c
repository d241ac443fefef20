/* SPDX-License-Identifier: Apache-2.0 */
#include "image/docker-save.h"

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_docker_save struct docker_save d = { 0 };
	struct err e = { 0 };

	if (docker_save_parse((const char *)data, len, NULL, &d, &e) == 0 && !d.config)
		abort();
	docker_save_clear(&d);
	(void)docker_save_parse((const char *)data, len, "a:1", &d, &e);
	return 0;
}
