/* What comes before TLS, in this order. */
#include "server/daemon/preface/preface.h"

const struct preface_step *const preface_steps[] = {&preface_proxy, &preface_starttls,
                                                    &preface_mysql, NULL};
