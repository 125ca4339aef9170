//! A body that changes its form on the way out.

use std::io::{self, Write};

use super::BodyWriter;
use super::writer::{too_long, too_short};

/// What changes the form: a compressor.
pub(crate) trait Coder: Send {
    /// Takes some of `bytes`; how many.
    fn code(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sees to it that all that was taken is in the output.
    fn flush(&mut self) -> io::Result<()>;

    /// Adds to the output what marks the end.
    fn finish(&mut self) -> io::Result<()>;

    /// What has come out of it. To be emptied by who passes it on.
    fn output(&mut self) -> &mut Vec<u8>;
}

/// What a [`BodyWriter`] keeps while it codes.
pub(super) struct Coded {
    coder: Box<dyn Coder>,
    /// How much the announced length of the body before coding still allows.
    left: Option<u64>,
}

impl BodyWriter<'_> {
    /// Has all that `write` writes go through `coder`. `length` is how much that will be, if it was announced.
    ///
    /// Only when that was written, and no error came, is the coded data ended: a body that breaks off must not look whole.
    ///
    /// # Errors
    ///
    /// Those of `write`, `UnexpectedEof` if there was less than announced, `InvalidInput` if more was tried.
    pub(crate) fn coded(
        &mut self,
        coder: Box<dyn Coder>,
        length: Option<u64>,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.coded = Some(Box::new(Coded { coder, left: length }));
        let result = write(self);
        let Some(mut coded) = self.coded.take() else { return result };
        result?;
        if self.exceeded {
            return Err(too_long());
        }
        if let Some(left @ 1..) = coded.left {
            return Err(too_short(left));
        }
        coded.coder.finish()?;
        self.write_all(coded.coder.output())
    }

    pub(super) fn write_coded(&mut self, mut coded: Box<Coded>, bytes: &[u8]) -> io::Result<usize> {
        let result = match coded.left {
            Some(left) if bytes.len() as u64 > left => {
                self.exceeded = true;
                Err(too_long())
            }
            _ => coded.coder.code(bytes),
        };
        let result = result.and_then(|n| {
            coded.left = coded.left.map(|left| left - n as u64);
            pass_on(self, &mut *coded.coder).map(|()| n)
        });
        self.coded = Some(coded);
        result
    }

    pub(super) fn flush_coded(&mut self, mut coded: Box<Coded>) -> io::Result<()> {
        let result = coded.coder.flush().and_then(|()| pass_on(self, &mut *coded.coder));
        let result = result.and_then(|()| self.flush());
        self.coded = Some(coded);
        result
    }
}

/// Without `coded`, which is out of its place meanwhile, what is written goes out as it is.
fn pass_on(writer: &mut BodyWriter<'_>, coder: &mut dyn Coder) -> io::Result<()> {
    let output = coder.output();
    writer.write_all(output)?;
    output.clear();
    Ok(())
}
