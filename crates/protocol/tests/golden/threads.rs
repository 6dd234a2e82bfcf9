//! Frames about threads and about what was fetched.

use tidemark_protocol::frame::{
    ClientFrame, Delivered, ReadThread, ReportDelivered, Request, RequestId, ServerFrame,
    ThreadRead,
};
use tidemark_protocol::wire::Wire;

use crate::file::{Case, Golden};
use crate::samples::{harbour, seq, user};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("client/thread_read.json", vec![asks_thread_read()]),
        Golden::new("client/delivered.json", vec![asks_delivered()]),
        Golden::new("server/thread_read.json", thread_read()),
        Golden::new("server/delivered.json", delivered()),
    ]
}

fn asks_thread_read() -> Case {
    let read = Request::ThreadRead(ReadThread {
        id: Some(RequestId(21)),
        conversation: harbour(),
        thread: seq(12),
        seq: seq(42),
    });
    let means = "the replies below 12 were read up to 42; the answer is a thread_read frame";
    Case::client("with id", means, ClientFrame::Request(read))
}

fn asks_delivered() -> Case {
    let report = Request::Delivered(ReportDelivered {
        id: None,
        conversation: harbour(),
        seq: seq(42),
    });
    let means = "this device has everything up to 42; the answer is a delivered frame";
    Case::client("plain", means, ClientFrame::Request(report))
}

fn thread_read() -> Vec<Case> {
    let moved = |id| {
        ServerFrame::from(ThreadRead {
            id,
            conversation: Wire(harbour()),
            thread: Wire(seq(12)),
            read_seq: Wire(seq(42)),
            head_seq: Wire(seq(44)),
            unread: 1,
        })
    };
    let answer = "unread is what is left in the thread up to head_seq";
    let other = "a cursor in a thread is one for all of the user's devices";
    vec![
        Case::server("the answer", answer, moved(Some(RequestId(21)))),
        Case::server("on another of the user's devices", other, moved(None)),
    ]
}

fn delivered() -> Vec<Case> {
    let fetched = |name| {
        ServerFrame::from(Delivered {
            id: None,
            conversation: Wire(harbour()),
            user: Wire(user(name)),
            delivered_seq: Wire(seq(42)),
        })
    };
    let answer = "up to where the user's devices have fetched, as far as that is kept";
    let other = "only in small conversations";
    vec![
        Case::server("the answer", answer, fetched("ann")),
        Case::server("of another member", other, fetched("ben")),
    ]
}
