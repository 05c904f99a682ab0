//! The systems of `benches/shared` natively: `measure` lists them, `measure NAME CUSTOMERS` runs
//! one and prints how long it took. Both as JSON, for `benches/run.mjs`.

use std::process::ExitCode;
use std::time::Instant;

use switchyard_bench::SYSTEMS;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, customers] = args.as_slice() else {
        let names: Vec<String> = SYSTEMS.iter().map(|s| format!("{:?}", s.name)).collect();
        println!("[{}]", names.join(", "));
        return ExitCode::SUCCESS;
    };
    let system = SYSTEMS.iter().find(|system| system.name == name);
    let (Some(system), Ok(customers)) = (system, customers.parse()) else {
        eprintln!("usage: measure [NAME CUSTOMERS]");
        return ExitCode::from(2);
    };
    // Once before, so that memory and tables are there.
    (system.run)(customers / 20);
    let began = Instant::now();
    let done = (system.run)(customers);
    let seconds = began.elapsed().as_secs_f64();
    let (events, response) = (done.events, done.response);
    println!(r#"{{"seconds": {seconds}, "events": {events}, "response": {response}}}"#);
    ExitCode::SUCCESS
}
