use greenwood_runtime::*;
use std::time::*;
fn main() {
    let rt = Runtime::builder().workers(1).build().unwrap();
    println!("own: {}", rt.has_own_thread_locals());
    let v = rt.run(|| {
        let h = spawn(|| {
            sleep(Duration::from_millis(10));
            5
        });
        let t = Instant::now();
        let r = h.join().unwrap();
        println!("slept {:?}", t.elapsed());
        r
    });
    println!("{v}");
    bench(&rt, "own");
    let rt = unsafe { Runtime::builder().workers(1).shared_thread_locals().build().unwrap() };
    bench(&rt, "shared");
}
fn bench(rt: &Runtime, what: &str) {
    rt.run(|| {
        for _ in 0..3 {
            let n = 1_000_000;
            let t = Instant::now();
            let a = spawn(move || {
                for _ in 0..n {
                    yield_now()
                }
            });
            for _ in 0..n {
                yield_now()
            }
            a.join().unwrap();
            println!("{what} yield {:?}", t.elapsed() / (2 * n));
            let n = 300_000;
            let t = Instant::now();
            for _ in 0..n {
                spawn(|| ()).join().unwrap()
            }
            println!("{what} spawn+join {:?}", t.elapsed() / n);
            let n = 100_000;
            let t = Instant::now();
            let v: Vec<_> = (0..n).map(|_| spawn(|| ())).collect();
            for h in v {
                h.join().unwrap()
            }
            println!("{what} spawn many {:?}", t.elapsed() / n);
        }
    });
}
