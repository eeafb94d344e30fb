//! Logs that cloud services write.

pub mod aws_elb;
pub mod aws_lambda;
pub mod aws_s3;
pub mod aws_vpc;
pub mod templates;
