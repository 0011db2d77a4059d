// SPDX-License-Identifier: Apache-2.0
// messages.hpp: the functions of hpfeeds.protocol that make a frame, and that read a body.
//
// Names, arguments and results are the reference package's. A body is read strictly: a string that
// runs past its end is a ProtocolException, and one that is not UTF-8 a UnicodeDecodeError.
#pragma once

#include <nanobind/nanobind.h>

namespace hpfeeds::python {

void bind_messages(nanobind::module_& module);

}  // namespace hpfeeds::python
