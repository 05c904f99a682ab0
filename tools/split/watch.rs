//! Each function notes in memory that it was called.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, Instruction, MemArg};

use crate::Problem;
use crate::module::{Module, with_locals};

const PAGE: u64 = 64 * 1024;

/// Where the notes are: a byte for each function that is not imported.
#[derive(Clone, Copy)]
pub(crate) struct Notes {
    pub(crate) base: u32,
    pub(crate) count: u32,
}

/// The module with notes, in memory that it did not have before.
pub(crate) fn watched(bytes: &[u8]) -> Result<(Vec<u8>, Notes), Problem> {
    let module = Module::read(bytes)?;
    let memory = module.memories.first().ok_or("no memory")?;
    let base = u32::try_from(memory.initial * PAGE)?;
    let notes = Notes { base, count: module.bodies.len() as u32 };
    let mut out = wasm_encoder::Module::new();
    let parser = wasmparser::Parser::new(0);
    utils::parse_core_module(&mut Watcher { notes }, &mut out, parser, bytes)?;
    Ok((out.finish(), notes))
}

struct Watcher {
    notes: Notes,
}

impl Reencode for Watcher {
    type Error = std::convert::Infallible;

    fn memory_type(
        &mut self,
        memory: wasmparser::MemoryType,
    ) -> Result<wasm_encoder::MemoryType, Error> {
        let mut memory = utils::memory_type(self, memory);
        memory.minimum += u64::from(self.notes.count).div_ceil(PAGE);
        Ok(memory)
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        for (place, body) in section.into_iter().enumerate() {
            let body = body?;
            let mut function = with_locals(&body)?;
            let address = (self.notes.base + place as u32) as i32;
            function.instruction(&Instruction::I32Const(address));
            function.instruction(&Instruction::I32Const(1));
            let here = MemArg { offset: 0, align: 0, memory_index: 0 };
            function.instruction(&Instruction::I32Store8(here));
            let mut reader = body.get_operators_reader()?;
            while !reader.eof() {
                function.instruction(&self.parse_instruction(&mut reader)?);
            }
            code.function(&function);
        }
        Ok(())
    }
}
