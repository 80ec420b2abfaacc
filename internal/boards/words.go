package boards

// words are what the page says, by language. Both have the same keys: a test holds them to it.
var words = map[string]map[string]string{
	"en": {
		"title": "Evidence of results", "hub": "Hub", "period": "Period", "asof": "As of", "madefor": "Made for",
		"zone":    "Malaysian time",
		"notover": "The month is not over: these numbers are provisional.",
		"summary": "Summary", "signals": "Signals", "acted": "Acted on", "share": "Share acted on", "open": "Still open",
		"overdue": "Overdue", "withdrawn": "Withdrawn", "h": "h", "days": "days", "total": "Total", "platform": "Platform",
		"reading": "A signal is something that a platform was told: an indicator that was reported as used on it. It is " +
			"acted on, withdrawn by those who reported it, or open. All times are those at which the hub's message log took " +
			"the messages: neither those who report nor the platforms can choose them.",
		"byplatform": "By platform", "median": "Median, h", "p90": "90 % within, h", "nobody": "run by no partner: nobody was told",
		"hoursnote":   "h: hours from the first report to the platform's first action.",
		"none":        "No signal began in this month.",
		"whatwasdone": "What was done", "removed": "Removed", "blocked": "Blocked", "held": "Held", "refunded": "Refunded",
		"no_action": "No action", "disagreed": "Disagreed", "declared": "By its own time, h",
		"declarednote": "By its own time: the median of hours to the time of the action as the platform itself states it, with how " +
			"many actions state one. It is shown for comparison and is not relied on.",
		"latetitle": "Signals overdue", "nolate": "None.",
		"corrections": "Corrections", "correction": "Correction", "number": "Number",
		"c_withdraw": "Reports taken back by those who made them", "c_clear": "Indicators cleared by their holder or an authority",
		"c_dispute": "Disputes opened", "c_uphold": "Listings upheld by an authority after it looked into them",
		"c_back":    "Of the indicators reported in the month: taken back since by the partner",
		"c_cleared": "Of the indicators reported in the month: cleared since",
		"who":       "Who took part", "tookpart": "partners reported, acted or asked in the month.", "partner": "Partner",
		"reports": "Reports", "indicators": "Indicators", "first": "First to report", "lead": "Lead, h",
		"confirmed": "Confirmed", "back": "Taken back", "lookups": "Looked up", "hits": "Hits", "actions": "Actions",
		"method": "Method and definitions", "signal": "Signal",
		"d_signal": "An indicator (a keyed digest; no value is held) and a platform that at least one report names with it. It " +
			"begins when the message log took the first such report. Reports that the platform's partners may not see, by " +
			"their marking, make no signal: it was not told.",
		"d_acted": "The first message of kind action on the indicator from a partner that runs the platform: removed, blocked, " +
			"held, refunded, no action, or disagreed. An action before the first report counts as zero hours.",
		"d_open": "No action yet, as of the time above. Overdue: open for longer than",
		"d_withdrawn": "Before any action, every reporter took its word back, or the indicator's holder or an authority cleared " +
			"it. Such a signal is neither open nor overdue, and is left out of the share.",
		"d_median": "Of the signals acted on, from the beginning to the first action; interpolated between ranks. The total has " +
			"none: medians of different platforms do not add up.",
		"d_first": "Among the indicators that the partner reported for the first time in the month: those that no partner reported " +
			"before; and the median time until a second partner did.",
		"d_confirmed": "An authority lists it, or two organisations with corroborating evidence do, and it is not cleared.",
		"counts":      "What counts",
		"d_counts": "Each event once, however often it was sent. Words of partners in a trial period or suspended, words held for " +
			"review and words declared void do not count, as of the time above.",
		"limits": "Limits",
		"d_limits": "An action is the platform's own statement; the hub does not see whether content is gone. A signal that an " +
			"earlier action on the same indicator answered counts as acted on.",
		"computed": "How it was computed",
		"d_computed": "Counted from the hub's ledger at the time above, which holds every accepted message at its place in the " +
			"message log. The same question asked later may give other numbers where words were withdrawn, cleared, voided " +
			"or acted on since.",
		"proof": "Proof",
		"d_proof": "The hash is over the numbers in the annex, which are also given by the hub as CSV. The signature, by the " +
			"hub's key, is over the text “waspada evidence v1”, a line feed and the hash.",
		"annex": "Annex: the numbers", "d_annex": "One number a line: section, subject, measure, value.",
		"foot":  "No personal data: indicators are keyed digests, and none is shown here. Taking this document stands in the hub's audit.",
		"kind_": "", "kind_bank": "bank", "kind_ewallet": "e-wallet", "kind_platform": "platform", "kind_telco": "telco",
		"kind_police": "police", "kind_regulator": "regulator",
		"month1": "January", "month2": "February", "month3": "March", "month4": "April", "month5": "May", "month6": "June",
		"month7": "July", "month8": "August", "month9": "September", "month10": "October", "month11": "November",
		"month12": "December",
	},
	"ms": {
		"title": "Bukti hasil tindakan", "hub": "Hab", "period": "Tempoh", "asof": "Setakat", "madefor": "Disediakan untuk",
		"zone":    "waktu Malaysia",
		"notover": "Bulan ini belum tamat: angka-angka ini sementara.",
		"summary": "Ringkasan", "signals": "Isyarat", "acted": "Ditindak", "share": "Kadar ditindak", "open": "Masih terbuka",
		"overdue": "Lewat", "withdrawn": "Ditarik balik", "h": "jam", "days": "hari", "total": "Jumlah", "platform": "Platform",
		"reading": "Isyarat ialah perkara yang telah dimaklumkan kepada platform: penunjuk yang dilaporkan digunakan di " +
			"platform itu. Isyarat sama ada telah ditindak, ditarik balik oleh pelapornya, atau masih terbuka. Semua masa " +
			"ialah masa log mesej hab menerima mesej: pelapor dan platform tidak dapat memilihnya.",
		"byplatform": "Mengikut platform", "median": "Median, jam", "p90": "90 % dalam, jam",
		"nobody":      "tiada rakan kongsi yang mengendalikannya: tiada yang dimaklumkan",
		"hoursnote":   "jam: dari laporan pertama hingga tindakan pertama platform.",
		"none":        "Tiada isyarat bermula pada bulan ini.",
		"whatwasdone": "Tindakan yang diambil", "removed": "Dibuang", "blocked": "Disekat", "held": "Ditahan",
		"refunded": "Dipulangkan", "no_action": "Tiada tindakan", "disagreed": "Tidak bersetuju",
		"declared": "Mengikut masa sendiri, jam",
		"declarednote": "Mengikut masa sendiri: median jam hingga masa tindakan seperti yang dinyatakan oleh platform, dengan bilangan " +
			"tindakan yang menyatakannya. Ditunjukkan untuk perbandingan sahaja dan tidak dijadikan asas.",
		"latetitle": "Isyarat yang lewat", "nolate": "Tiada.",
		"corrections": "Pembetulan", "correction": "Pembetulan", "number": "Bilangan",
		"c_withdraw": "Laporan yang ditarik balik oleh pelapornya",
		"c_clear":    "Penunjuk yang dibersihkan oleh pemegangnya atau pihak berkuasa",
		"c_dispute":  "Pertikaian yang dibuka", "c_uphold": "Penyenaraian yang dikekalkan oleh pihak berkuasa selepas disiasat",
		"c_back":    "Daripada penunjuk yang dilaporkan pada bulan ini: telah ditarik balik oleh rakan kongsi",
		"c_cleared": "Daripada penunjuk yang dilaporkan pada bulan ini: telah dibersihkan",
		"who":       "Siapa yang mengambil bahagian", "tookpart": "rakan kongsi melapor, bertindak atau menyemak pada bulan ini.",
		"partner": "Rakan kongsi", "reports": "Laporan", "indicators": "Penunjuk", "first": "Pertama melapor",
		"lead": "Mendahului, jam", "confirmed": "Disahkan", "back": "Ditarik balik kemudian", "lookups": "Disemak", "hits": "Padanan",
		"actions": "Tindakan",
		"method":  "Kaedah dan takrifan", "signal": "Isyarat",
		"d_signal": "Satu penunjuk (cernaan berkunci; tiada nilai disimpan) dan satu platform yang dinamakan oleh sekurang-kurangnya " +
			"satu laporan. Isyarat bermula apabila log mesej menerima laporan pertama itu. Laporan yang tidak boleh dilihat " +
			"oleh rakan kongsi platform, mengikut penandaannya, tidak menjadi isyarat: platform tidak dimaklumkan.",
		"d_acted": "Mesej tindakan pertama tentang penunjuk itu daripada rakan kongsi yang mengendalikan platform: dibuang, disekat, " +
			"ditahan, dipulangkan, tiada tindakan, atau tidak bersetuju. Tindakan sebelum laporan pertama dikira sifar jam.",
		"d_open": "Belum ada tindakan, setakat masa di atas. Lewat: terbuka lebih lama daripada",
		"d_withdrawn": "Sebelum sebarang tindakan, setiap pelapor menarik balik laporannya, atau pemegang penunjuk atau pihak " +
			"berkuasa membersihkannya. Isyarat begini bukan terbuka dan bukan lewat, dan tidak dikira dalam kadar.",
		"d_median": "Bagi isyarat yang ditindak, dari permulaan hingga tindakan pertama; diinterpolasi antara kedudukan. Jumlah tidak " +
			"mempunyai median: median platform yang berlainan tidak boleh dijumlahkan.",
		"d_first": "Antara penunjuk yang dilaporkan oleh rakan kongsi buat kali pertama pada bulan ini: yang belum dilaporkan oleh " +
			"sesiapa sebelumnya; dan median masa hingga rakan kongsi kedua melaporkannya.",
		"d_confirmed": "Pihak berkuasa menyenaraikannya, atau dua organisasi dengan bukti yang menyokong, dan ia tidak dibersihkan.",
		"counts":      "Apa yang dikira",
		"d_counts": "Setiap peristiwa sekali sahaja, walau berapa kali dihantar. Kenyataan rakan kongsi dalam tempoh percubaan atau " +
			"digantung, kenyataan yang ditahan untuk semakan dan kenyataan yang dibatalkan tidak dikira, setakat masa di atas.",
		"limits": "Had",
		"d_limits": "Tindakan ialah kenyataan platform sendiri; hab tidak melihat sama ada kandungan benar-benar tiada. Isyarat yang " +
			"telah dijawab oleh tindakan terdahulu atas penunjuk yang sama dikira sebagai ditindak.",
		"computed": "Cara pengiraan",
		"d_computed": "Dikira daripada lejar hab pada masa di atas, yang menyimpan setiap mesej yang diterima pada tempatnya dalam log " +
			"mesej. Soalan yang sama kemudian mungkin memberi angka lain jika ada yang ditarik balik, dibersihkan, dibatalkan " +
			"atau ditindak sejak itu.",
		"proof": "Bukti keaslian",
		"d_proof": "Nilai cincang adalah bagi angka dalam lampiran, yang juga diberikan oleh hab sebagai CSV. Tandatangan, dengan kunci " +
			"hab, adalah bagi teks “waspada evidence v1”, satu suapan baris dan nilai cincang itu.",
		"annex": "Lampiran: angka", "d_annex": "Satu angka setiap baris: bahagian, perkara, ukuran, nilai.",
		"foot": "Tiada data peribadi: penunjuk ialah cernaan berkunci, dan tiada satu pun ditunjukkan di sini. Pengambilan dokumen " +
			"ini tercatat dalam audit hab.",
		"kind_": "", "kind_bank": "bank", "kind_ewallet": "e-dompet", "kind_platform": "platform", "kind_telco": "telko",
		"kind_police": "polis", "kind_regulator": "pengawal selia",
		"month1": "Januari", "month2": "Februari", "month3": "Mac", "month4": "April", "month5": "Mei", "month6": "Jun",
		"month7": "Julai", "month8": "Ogos", "month9": "September", "month10": "Oktober", "month11": "November",
		"month12": "Disember",
	},
}
