/* SPDX-License-Identifier: Apache-2.0 */
/* What a person, or a script, may write for a port. */
#include "base/str.h"
#include "sandbox/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = strndup((const char *)data, size), *again = NULL;
	struct port_spec p = { 0 }, q = { 0 };

	if (!text || port_parse(text, &p, NULL) < 0)
		return 0;
	if (!p.guest || p.guest > 65535 || p.host > 65535)
		abort();
	again = port_text(&p);
	if (again &&
		(port_parse(again, &q, NULL) < 0 || !str_eq(p.ip, q.ip) ||
			p.host != q.host || p.guest != q.guest))
		abort();
	port_clear(&p);
	port_clear(&q);
	return 0;
}
