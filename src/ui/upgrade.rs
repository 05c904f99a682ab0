//! Upgrading a server from the inspector: to the next machine of the catalogue, or as the course.

use leptos::prelude::*;

use super::store::store;
use crate::node::machine::{Machine, REBOOT};

/// The next machine, its price, and the two ways to get there.
#[component]
pub(super) fn Upgrade(id: String) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(id);
    let next = Memo::new(move |_| {
        store.rev.track();
        id.with_value(|id| store.with(|session| session.larger_machine(id)))
    });
    let now = move || {
        store.rev.track();
        let price = id.with_value(|id| store.with(|session| session.price_of(id)));
        price.map_or_else(|| "no machine is as large".to_owned(), |p| format!("price now {p}"))
    };
    let offer = move || match next.get() {
        Some(machine) => format!("Next: {}; {}.", words(&machine), now()),
        None => format!("There is no larger machine; {}.", now()),
    };
    let upgrade = move |_| {
        let label = id.with_value(|id| store.label(id));
        let done = format!("Upgraded {label}: it reboots for {REBOOT}");
        id.with_value(|id| store.edit_by(|s| s.upgrade(id).map(|()| true), &done));
        store.settle();
    };
    let as_in_course = move |_| {
        let label = id.with_value(|id| store.label(id));
        let done = format!("Upgraded {label} as in the course");
        id.with_value(|id| store.edit_by(|s| s.upgrade_as_in_course(id).map(|()| true), &done));
    };
    view! {
        <div class="field upgrade">
            <p class="help">{offer}</p>
            <div class="actions">
                <button class="button" disabled=move || next.get().is_none() on:click=upgrade>
                    "Upgrade"
                </button>
                <button class="button" on:click=as_in_course
                    title="Twice the cores and memory, network 10 Gbps whatever it was, no reboot">
                    "As in the course"
                </button>
            </div>
        </div>
    }
}

/// `4 cores, 16 GB, 5 Gbps, price 5.3, reboots for 2.00 s`.
fn words(machine: &Machine) -> String {
    let Machine { cores, memory_gb, storage_gb, network_gbps, price } = machine;
    format!(
        "{cores} cores, {memory_gb} GB, {network_gbps} Gbps, {storage_gb} GB of storage, price \
         {price}, reboots for {REBOOT}"
    )
}
