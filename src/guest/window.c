/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/window.h"

int guest_window_spend(struct guest_window *w, uint32_t n)
{
	if (n > w->left)
		return -EPROTO;
	w->left -= n;
	return 0;
}

int guest_window_grow(struct guest_window *w, uint32_t n)
{
	if (n > GUEST_WINDOW - w->left)
		return -EPROTO;
	w->left += n;
	return 0;
}

uint32_t guest_window_passed(struct guest_window *w, uint32_t n)
{
	uint32_t give;

	w->owed += n;
	if (w->owed < GUEST_WINDOW / 4)
		return 0;
	give = w->owed;
	w->owed = 0;
	w->left += give;
	return give;
}
