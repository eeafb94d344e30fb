//! Names of months in other languages than English.
//!
//! `journalctl`, `date` and `java.util.logging` write those of the user's language. Here are the
//! abbreviated and the wide ones of CLDR (`months`, both `format` and `stand-alone`), and `abmon`
//! and `mon` of the GNU C library's locales, in lower case and without a point at their end, of
//! Bulgarian, Catalan, Czech, Danish, Dutch, Estonian, Finnish, French, German, Greek, Hungarian,
//! Indonesian, Italian, Latvian, Lithuanian, Norwegian, Polish, Portuguese, Romanian, Russian,
//! Slovak, Slovenian, Spanish, Swedish, Turkish and Ukrainian. No name stands for two months; those
//! of Croatian would (`lip` is its June, and Polish for July), so they are not here. Chinese,
//! Japanese and Korean months are numbers before [a mark](MARKS).

/// For each month its names in lower case, with a space between them.
const MONTHS: [&str; 12] = [
    "ene enero gen gener gennaio ian ianuarie jaan jaanuar jan janeiro januar januari január \
     januára janv janvier janvāris jän jänner led leden ledna oca ocak saus sausio sausis sty \
     styczeń stycznia tammi tammikuu tammikuuta ιαν ιανουάριος ιανουαρίου січ січень січня \
     янв январь января яну януари",
    "feb febbraio febr febrer febrero februar februari februarie február februára februāris \
     fev fevereiro févr février helmi helmikuu helmikuuta lut lutego luty vas vasario vasaris \
     veebr veebruar úno únor února şub şubat φεβ φεβρουάριος φεβρουαρίου лют лютий лютого фев \
     февр февраль февраля февруари",
    "bře březen března kov kovas kovo maalis maaliskuu maaliskuuta maart mar marca marec \
     maret mars mart martie marts marzec marzo març março mrt márc március mär märts märz μάρ \
     μάρτιος μαρ μαρτίου бер березень березня мар март марта",
    "abr abril apr april aprile aprilie aprill apríl apríla aprīlis avr avril bal balandis \
     balandžio dub duben dubna huhti huhtikuu huhtikuuta kwi kwiecień kwietnia nis nisan ápr \
     április απρ απρίλιος απριλίου апр апрель апреля април квіт квітень квітня",
    "geg gegužė gegužės kvě květen května mag maggio mai maig maijs maio maj maja may mayo \
     mayıs mei máj mája május touko toukokuu toukokuuta μάι μάιος μαΐ μαΐου май мая трав \
     травень травня",
    "birž birželio birželis cze czerwca czerwiec giu giugno haz haziran iun iunie juin jun \
     junho juni junij junio juny juuni jún júna június jūn jūnijs kesä kesäkuu kesäkuuta čen \
     červen června čvn ιουν ιουνίου ιούν ιούνιος июн июнь июня черв червень червня юни",
    "heinä heinäkuu heinäkuuta iul iulie juil juillet jul julho juli julij julio juliol juuli \
     júl júla július jūl jūlijs liep liepa liepos lip lipca lipiec lug luglio tem temmuz čec \
     července červenec čvc ιουλ ιουλίου ιούλ ιούλιος июл июль июля лип липень липня юли",
    "ago agost agosto agu agustus août aug august augusta augusti augusts augustus augusztus \
     avg avgust ağu ağustos elo elokuu elokuuta rugp rugpjūtis rugpjūčio sie sierpień \
     sierpnia srp srpen srpna αυγ αυγούστου αύγ αύγουστος авг август августа серп серпень \
     серпня",
    "eyl eylül rugs rugsėjis rugsėjo sep sept september septembra septembre septembrie \
     septembris septiembre set setembre setembro settembre syys syyskuu syyskuuta szept \
     szeptember wrz wrzesień września zář září σεπ σεπτέμβριος σεπτεμβρίου вер вересень \
     вересня сен сент сентябрь сентября сеп септември",
    "eki ekim loka lokakuu lokakuuta oct octobre octombrie octubre okt oktober oktobris \
     oktoober október októbra ott ottobre out outubro paź październik października spal \
     spalio spalis říj říjen října οκτ οκτωβρίου οκτώβριος жовт жовтень жовтня окт октомври \
     октябрь октября",
    "kas kasım lapkr lapkritis lapkričio lis listopad listopada listopadu marras marraskuu \
     marraskuuta noiembrie nov november novembra novembre novembris novembro noviembre νοέ \
     νοέμβριος νοε νοεμβρίου лист листопад листопада ное ноември ноя нояб ноябрь ноября",
    "ara aralık dec december decembra decembrie decembris des desember desembre dets \
     detsember dez dezember dezembro dic dicembre diciembre déc décembre gru grudnia grudzień \
     gruod gruodis gruodžio joulu joulukuu joulukuuta pro prosince prosinec δεκ δεκέμβριος \
     δεκεμβρίου груд грудень грудня дек декабрь декабря декември",
];

/// What stands behind the number of a month: `1月`, `1월`.
const MARKS: [&str; 2] = ["月", "월"];

/// Most bytes of a name.
const NAME_BYTES_MAX: usize = 24;

/// A number of fifteen bits for the first three bytes of a name, whatever its case.
const fn bit(bytes: u32) -> usize {
    ((bytes & 0xff_ffff | 0x20_2020).wrapping_mul(0x9e37_79b1) >> 17) as usize
}

/// The numbers of the beginnings of all names.
static BEGINNINGS: [u64; 512] = {
    let (mut set, mut month) = ([0; 512], 0);
    while month < MONTHS.len() {
        let names = MONTHS[month].as_bytes();
        let mut at = 0;
        while at < names.len() {
            if at == 0 || names[at - 1] == b' ' {
                let n = bit(u32::from_le_bytes([names[at], names[at + 1], names[at + 2], 0]));
                set[n / 64] |= 1 << (n % 64);
            }
            at += 1;
        }
        month += 1;
    }
    set
};

/// Whether a name may begin with these bytes: a cheap filter.
#[inline(always)]
pub(super) fn may_be_name(bytes: u32) -> bool {
    let n = bit(bytes);
    // Capitals beyond ASCII are not looked at here.
    bytes & 0x80 != 0 || bytes as u8 > b'9' && BEGINNINGS[n / 64] >> (n % 64) & 1 != 0
}

/// The month (1 to 12) whose name `text` begins with, and where the name ends. No letter follows.
#[cold]
pub fn read(text: &[u8]) -> Option<(u32, usize)> {
    let is_of_name = |b: &u8| b.is_ascii_alphabetic() || *b >= 0x80;
    let len = text.iter().take(NAME_BYTES_MAX + 1).take_while(|b| is_of_name(b)).count();
    let name = std::str::from_utf8(text.get(..len)?).ok().filter(|name| !name.is_empty())?;
    let name = name.to_lowercase();
    let month = MONTHS.iter().position(|names| names.split(' ').any(|each| each == name))?;
    Some((month as u32 + 1, len))
}

/// Where the [mark](MARKS) of a month ends that `text` begins with.
pub(super) fn mark(text: &[u8]) -> Option<usize> {
    MARKS.iter().find(|mark| text.starts_with(mark.as_bytes())).map(|mark| mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_of_two_months() {
        let names = || MONTHS.iter().flat_map(|names| names.split_whitespace());
        assert_eq!(names().count(), names().collect::<HashSet<_>>().len());
        for name in names() {
            assert_eq!(name, name.to_lowercase());
            assert!((3..=NAME_BYTES_MAX).contains(&name.len()), "{name}");
            let first = name.as_bytes();
            assert!(may_be_name(u32::from_le_bytes([first[0], first[1], first[2], 0])), "{name}");
            assert!(read(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        for (text, month, end) in [
            ("févr. 24", 2, 5),
            ("Mär 24", 3, 4),
            ("gen 23", 1, 3),
            ("ОКТ 5", 10, 6),
            ("янв. 24", 1, 6),
            ("Dez/", 12, 3),
        ] {
            assert_eq!(read(text.as_bytes()), Some((month, end)), "{text}");
        }
        for text in ["", "févrx 1", "5", "lipx", "\u{fffd}"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(mark("月 24".as_bytes()), Some(3));
    }
}
