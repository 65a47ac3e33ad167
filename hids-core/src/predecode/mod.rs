//! Takes a line apart: time stamp, host name, program name, message.
